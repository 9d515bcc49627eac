"""One run of the merge gate: judges a run, or keeps it as the baseline, or takes findings into one."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from perfctl import __version__
from perfctl.answers import timeline
from perfctl.answers.answer import Answer, Question, answer
from perfctl.answers.gate import read_runtime
from perfctl.collectors import packages, release
from perfctl.errors import EnvironmentFault, NoDataError, UsageError
from perfctl.gate import accepting, baseline, durations, measured
from perfctl.gate.baseline import Accepted, Baseline, Environment
from perfctl.gate.budgets import Budgets
from perfctl.gate.counts import other_runner, tests_of
from perfctl.gate.judge import judge
from perfctl.gate.measured import Measured
from perfctl.gate.verdict import Check, Status, Verdict, decide, place_of, sort_checks
from perfctl.model import Source
from perfctl.units import iso_utc, say_count


class Asked(NamedTuple):
    """What the gate is asked to do."""

    against: str | None = None
    """A file, or `deploy:REF`."""
    save: str | None = None
    bless: str | None = None
    by: str = ""
    small_sample: Verdict = Verdict.INCONCLUSIVE
    with_latency: bool = False
    with_shift: bool = True
    margin: float = 0.10
    source: str | None = None
    is_windowed: bool = False
    """Whether somebody said from when on."""
    store: str = ""
    folders: tuple[Path, ...] = ()
    """Where the project may be."""

    @property
    def ref(self) -> str:
        """The deploy to compare with; empty for a file."""
        named = self.against or ""
        return named.removeprefix(timeline.PREFIX) if named.startswith(timeline.PREFIX) else ""


class Loaded(NamedTuple):
    """The baseline's file, or why it cannot be used."""

    baseline: Baseline | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """The verdict, and what it stands on."""

    verdict: Verdict
    checks: list[Check]
    source: str
    commit: str | None
    environment: Environment
    against: str | None
    baseline_commit: str | None
    saved: str | None = None
    accepted: int = 0
    accepted_findings: list[Check] = field(default_factory=list)
    """As they were before they were accepted."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Where the files of call sites are in the repository, where they are found."""


def check_asked(asked: Asked) -> None:
    """UsageError for what makes no sense together."""
    if asked.save is not None and asked.against is not None:
        raise UsageError(
            "--save-baseline writes and --baseline compares: one at a time",
            "perfctl ci --baseline FILE; after the merge perfctl ci --save-baseline FILE",
        )
    for option, name in (("--baseline", asked.against), ("--save-baseline", asked.save)):
        if name is not None and not Path(name).name:
            raise UsageError(f"{option} takes a file, not {name!r}", f"{option} baseline.json")
    if asked.bless is not None and not asked.bless.strip():
        raise UsageError("--bless takes the reason", 'perfctl ci --baseline FILE --bless "why"')
    if asked.bless is not None and (asked.ref or asked.against is None):
        raise UsageError("--bless writes into a baseline: name its file", "--baseline FILE")
    if asked.ref and asked.source == Source.TEST:
        raise UsageError("a deploy has live traffic and no tests", "--baseline FILE for a test run")
    if asked.source not in (None, Source.TEST, Source.LIVE):
        raise UsageError(
            f"the gate judges tests or live traffic, not {asked.source!r}",
            "--source test, or --source live",
        )


def load(asked: Asked) -> Loaded:
    """The baseline's file, read while perfctl is still who called it; nothing for a deploy."""
    if asked.against is None or asked.ref:
        return Loaded()
    try:
        text = Path(asked.against).read_text(encoding="utf-8")
        return Loaded(baseline.read(text, asked.against))
    except FileNotFoundError:
        return Loaded(problem=f"there is no baseline {asked.against}")
    except (OSError, UnicodeDecodeError) as exc:
        return Loaded(problem=f"the baseline {asked.against} cannot be read: {exc}")
    except NoDataError as exc:
        return Loaded(problem=exc.message)


def run_gate(question: Question, allowed: Budgets, asked: Asked, loaded: Loaded) -> Answer:
    """The answer of `ci`."""
    base, problem = loaded
    if asked.ref:
        question, base, problem = measured.around_deploy(
            question, asked.ref, allowed.config, is_windowed=asked.is_windowed
        )
    run = _measure(question, allowed, asked, base)
    if base is not None and not asked.ref:
        problem = run.mismatch(base)
    if problem is not None:
        base = None
    if asked.save is not None:
        gate = run.save(asked.save)
    elif asked.bless is not None and base is not None:
        gate = run.bless(base, asked.bless)
    else:
        gate = run.judge(base, problem)
    warnings = tuple(check.evidence for check in gate.checks if durations.is_shifted(check))
    found = run.measured
    told = answer(question, "ci", gate, found.requests, warnings=warnings)
    return told._replace(window=found.window)


def _measure(question: Question, allowed: Budgets, asked: Asked, base: Baseline | None) -> _Run:
    source = measured.choose_source(question, asked.source, base, asked.ref)
    is_windowed = asked.is_windowed or bool(asked.ref)
    found = measured.measure(question, source, allowed, is_windowed=is_windowed)
    return _Run(
        asked,
        allowed,
        found,
        measured.missing_records(question, found, asked.store),
        detect_environment(question, asked.folders),
        release.detect(os.environ, asked.folders).commit_id or None,
        iso_utc(question.now_ms),
    )


class _Run(NamedTuple):
    """What was measured now, and about what."""

    asked: Asked
    allowed: Budgets
    measured: Measured
    missing: list[Check]
    environment: Environment
    commit: str | None
    at: str

    def mismatch(self, base: Baseline) -> str | None:
        """Why a baseline says nothing about this run."""
        if base.source != self.measured.source:
            return (
                f"the baseline is of {_NAMES[base.source]}, this is {_NAMES[self.measured.source]}"
            )
        other = baseline.differences(base.environment, self.environment)
        if other:
            return f"the baseline is of another environment: {'; '.join(other)}"
        return other_runner(base.run, self.measured.run)

    def judge(
        self, base: Baseline | None, problem: str | None, accepted: Sequence[Check] = ()
    ) -> Gate:
        """All checks and the verdict."""
        checks = [*self.missing, *self._checks(base)]
        if problem is not None:
            checks.append(measured.no_baseline(self.asked.against or "", problem))
        return self._gate(checks, base, accepted=accepted)

    def bless(self, base: Baseline, reason: str) -> Gate:
        """Take what was found into the baseline, and judge again."""
        checks = self._checks(base)
        found = [] if self.missing else accepting.acceptable(checks, base, self.measured)
        if found:
            base = accepting.accept(
                base, checks, self.measured, by=self.asked.by, at=self.at, reason=reason
            )
            _write(self.asked.against or "", baseline.write(base))
        return self.judge(base, None, found)

    def save(self, name: str) -> Gate:
        """Keep the run as the baseline, with what was accepted before; not where records miss."""
        if self.missing:
            return self._gate(self.missing, None)
        before = _accepted_before(self.asked, name)
        base = Baseline(
            source=self.measured.source,
            saved_at=self.at,
            perfctl=__version__,
            commit=self.commit,
            environment=self.environment,
            requests=self.measured.requests,
            run=self.measured.run,
            durations=self.measured.durations,
            live=self.measured.sample,
            accepted=before,
        )
        _write(name, baseline.write(base))
        return self._gate([_saved(name, self.measured)], base, saved=name)

    def _checks(self, base: Baseline | None) -> list[Check]:
        asked = self.asked
        return judge(
            self.measured,
            self.allowed,
            base,
            margin=asked.margin,
            with_latency=asked.with_latency,
            with_shift=asked.with_shift,
        )

    def _gate(
        self,
        checks: list[Check],
        base: Baseline | None,
        *,
        saved: str | None = None,
        accepted: Sequence[Check] = (),
    ) -> Gate:
        return Gate(
            decide(checks, self.asked.small_sample),
            sort_checks(checks),
            self.measured.source,
            self.commit,
            self.environment,
            self.asked.against,
            base.commit if base else None,
            saved,
            len(accepted),
            sort_checks(accepted),
            _locate([*checks, *accepted], self.asked.folders),
        )


def _accepted_before(asked: Asked, name: str) -> tuple[Accepted, ...]:
    """What the file to be written over holds of acceptances; NoDataError where it cannot be told."""
    before = load(asked._replace(against=name))
    if before.problem is not None and Path(name).exists():
        raise NoDataError(
            f"{before.problem}: what was accepted in it would be lost",
            f"fetch it again, or move it away and begin anew: mv {name} {name}.old",
        )
    return before.baseline.accepted if before.baseline else ()


_NAMES = {"test": "a test run", "live": "live traffic"}


def _saved(name: str, found: Measured) -> Check:
    routes = len(found.run) or len(found.sample.routes if found.sample else ())
    tests = tests_of(found.run)
    said = f"{say_count(found.requests, 'request')} of {say_count(routes, 'route')}"
    said += f" in {say_count(len(tests), 'test')}" if tests else ""
    return Check(measured.BASELINE, name, Status.PASS, found.requests, unit="requests",
                 evidence=said)  # fmt: skip


def _locate(checks: list[Check], folders: tuple[Path, ...]) -> dict[str, str]:
    """Call sites begin at the project's folder, a template's even below it; CI names files from the top."""
    files = {place.file for check in checks if (place := place_of(check.call_site))}
    found: dict[str, str] = {}
    for folder in folders if files else ():
        top = next((path for path in (folder, *folder.parents) if (path / ".git").exists()), folder)
        for file in files - found.keys():
            path = folder / file if (folder / file).is_file() else _find_template(folder, file)
            if path is not None:
                found[file] = path.relative_to(top).as_posix()
    return found


def _find_template(folder: Path, name: str) -> Path | None:
    """The only file of that name in a folder of templates; None where it is not clear which."""
    found: set[Path] = set()
    for pattern in (f"templates/{name}", f"*/templates/{name}", f"*/*/templates/{name}"):
        with suppress(OSError, ValueError, NotImplementedError):
            found.update(path for path in folder.glob(pattern) if path.is_file())
    return found.pop() if len(found) == 1 else None


def detect_environment(question: Question, folders: tuple[Path, ...]) -> Environment:
    """Python, Django and database as the feeder said; what it did not, as the project has it here."""
    said = read_runtime(question)
    python, django = said.get("python"), said.get("django")
    if python is None or django is None:
        held = packages.find_environment(os.environ, folders)
        found = re.search(r"python(3\.\d+)", " ".join(held.paths))
        python = python or (found[1] if found else None)
        django = django or packages.read_packages(held).packages.get("django")
    return Environment(python, django, said.get("database"))


def _write(name: str, text: str) -> None:
    """Put the file in place whole, or not at all."""
    path = Path(name)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            draft.write_text(text, encoding="utf-8")
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as exc:
        raise EnvironmentFault(f"the baseline {name} cannot be written: {exc.strerror}") from exc
