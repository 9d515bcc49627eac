"""Runs the steps of docs/ci.md as GitHub would, as far as that goes without GitHub."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "ci.md"


class Step(NamedTuple):
    """One step of the job."""

    name: str
    uses: str
    condition: str
    run: str
    fields: Mapping[str, str]
    """What stands below `with` or `env`."""


def steps() -> list[Step]:
    """The steps of the only workflow on the page, in order."""
    (text,) = blocks(PAGE, "yaml")
    listed = text.split("    steps:\n", 1)[1]
    return [_step(item) for item in re.split(r"^      - ", listed, flags=re.MULTILINE)[1:]]


def _step(item: str) -> Step:
    plain = dict(re.findall(r"^(?:        )?(\w+): (\S.*)$", item, re.MULTILINE))
    fields = dict(re.findall(r"^          ([\w-]+): (.+)$", item, re.MULTILINE))
    known = {"name", "uses", "if", "run"}
    assert plain.keys() <= known, plain
    return Step(*(plain.get(key, "") for key in ("name", "uses", "if", "run")), fields)


class Done(NamedTuple):
    """How a job ended: the name of the step that failed, its exit code, all output, the summary."""

    failed: str
    code: int
    output: str
    summary: str


class Runner:
    """A repository that a workflow runs in, and the cache between its runs."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository
        self.cache: dict[str, bytes] = {}

    def job(self, event: str, sha: str, *, base: str = "", labels: tuple[str, ...] = ()) -> Done:
        """Check the commit out and run the steps until one fails."""
        self.check_out(sha)
        context = {
            "github.workspace": str(self.repository),
            "github.sha": sha,
            "github.event.pull_request.base.sha": base,
            "github.event.pull_request.title": 'Show tags; "quoted" $(touch pwned)',
            "github.event.pull_request.user.login": "ann",
        }
        summary = self.repository.parent / "summary.md"
        summary.write_text("")
        output = ""
        for step in steps():
            if not _holds(step.condition, event, labels):
                continue
            fields = {name: _filled(value, context) for name, value in step.fields.items()}
            if step.uses:
                self._use(step.uses, fields)
                continue
            done = self._run(step.run, fields, sha, summary)
            output += done.stdout
            if done.returncode:
                return Done(step.name, done.returncode, output, summary.read_text())
        return Done("", 0, output, summary.read_text())

    def check_out(self, sha: str) -> None:
        """A clean checkout of a commit."""
        self._git("checkout", "-q", "--force", "--detach", sha)
        self._git("clean", "-fdxq")

    def _run(
        self, line: str, env: Mapping[str, str], sha: str, summary: Path
    ) -> subprocess.CompletedProcess[str]:
        own = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.repository.parent),
            "PYTHONPATH": str(ROOT),
            "PIP_NO_INDEX": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
            "GITHUB_SHA": sha,
            "GITHUB_STEP_SUMMARY": str(summary),
        }
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", line],
            cwd=self.repository,
            env={**own, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )

    def _use(self, action: str, fields: Mapping[str, str]) -> None:
        """The actions of the page: the cache here, the others are done already."""
        match action.partition("@")[0]:
            case "actions/cache/save":
                kept = (self.repository / fields["path"]).read_bytes()
                self.cache[fields["key"]] = kept
            case "actions/cache/restore":
                found = self.cache.get(fields["key"]) or next(
                    (
                        kept
                        for key, kept in reversed(self.cache.items())
                        if key.startswith(fields["restore-keys"])
                    ),
                    None,
                )
                if found is not None:
                    (self.repository / fields["path"]).write_bytes(found)
            case "actions/checkout" | "actions/setup-python":
                pass
            case other:
                raise AssertionError(f"the page uses {other}, which is not played here")

    def commit(self, message: str) -> str:
        """Commit all that is there; its id."""
        self._git("add", "-A")
        self._git(
            "-c", "user.name=ann", "-c", "user.email=ann@example.org", "commit", "-qm", message
        )
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=self.repository, check=True, capture_output=True, text=True
        ).stdout


def make_repository(folder: Path) -> Runner:
    """The example project with tests, as a repository of its own with one commit."""
    ignored = shutil.ignore_patterns("__pycache__", "*.db*", ".perfctl")
    shutil.copytree(ROOT / "examples" / "vault", folder, ignore=ignored)
    shutil.copyfile(Path(__file__).with_name("suite_pages.py"), folder / "test_pages.py")
    (folder / "requirements.txt").write_text("django\n")
    (folder / ".gitignore").write_text("*.pyc\n")
    runner = Runner(folder)
    runner._git("init", "-q", "-b", "main")
    return runner


_LABEL = re.compile(r"contains\(github\.event\.pull_request\.labels\.\*\.name, '([\w-]+)'\)")
_EVENT = re.compile(r"github\.event_name == '(\w+)'")


def _holds(condition: str, event: str, labels: tuple[str, ...]) -> bool:
    for part in filter(None, condition.split(" && ")):
        by_event, by_label = _EVENT.fullmatch(part), _LABEL.fullmatch(part)
        assert by_event or by_label, part
        if by_event and by_event[1] != event:
            return False
        if by_label and by_label[1] not in labels:
            return False
    return True


def _filled(value: str, context: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda match: context[match[1]], value.strip('"'))
