"""What is deployed here, as CI, the host, `.git` or a REVISION file say; nothing is run."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from perfctl.errors import UsageError

_COMMIT = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)
_LONGEST = 200
_MOST_BYTES = 4096
_MOST_REFS = 1_000_000
_MOST_TAGS = 10_000
_DEEPEST = 5


class Release(NamedTuple):
    """What is known of a release; empty where it is not, `origin` says who knows it."""

    release: str = ""
    ref: str = ""
    commit_id: str = ""
    environment: str = ""
    origin: str = ""


class _Service(NamedTuple):
    """Which variables a CI service or a host sets, the first that is set counts."""

    commits: tuple[str, ...]
    refs: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()


# CI first: a build that runs on a host knows more of what it builds than the host does.
_SERVICES = (
    _Service(("GITHUB_SHA",), ("GITHUB_REF_NAME",), ("GITHUB_REF",)),
    _Service(
        ("CI_COMMIT_SHA",), ("CI_COMMIT_REF_NAME",), ("CI_COMMIT_TAG",), ("CI_ENVIRONMENT_NAME",)
    ),
    _Service(("CIRCLE_SHA1",), ("CIRCLE_BRANCH",), ("CIRCLE_TAG",)),
    _Service(("BUILDKITE_COMMIT",), ("BUILDKITE_BRANCH",), ("BUILDKITE_TAG",)),
    _Service(("BITBUCKET_COMMIT",), ("BITBUCKET_BRANCH",), ("BITBUCKET_TAG",)),
    _Service(("BUILD_SOURCEVERSION",), ("BUILD_SOURCEBRANCHNAME",), ("BUILD_SOURCEBRANCH",)),
    _Service(
        ("CODEBUILD_RESOLVED_SOURCE_VERSION",),
        ("CODEBUILD_WEBHOOK_HEAD_REF", "CODEBUILD_SOURCE_VERSION"),
        ("CODEBUILD_WEBHOOK_HEAD_REF",),
    ),
    _Service(("TRAVIS_COMMIT",), ("TRAVIS_BRANCH",), ("TRAVIS_TAG",)),
    _Service(("DRONE_COMMIT_SHA",), ("DRONE_BRANCH",), ("DRONE_TAG",)),
    _Service(("SEMAPHORE_GIT_SHA",), ("SEMAPHORE_GIT_BRANCH",), ("SEMAPHORE_GIT_TAG_NAME",)),
    _Service(("APPVEYOR_REPO_COMMIT",), ("APPVEYOR_REPO_BRANCH",), ("APPVEYOR_REPO_TAG_NAME",)),
    _Service(("BUILD_VCS_NUMBER",)),  # TeamCity
    _Service(("GIT_COMMIT",), ("GIT_BRANCH",), ("TAG_NAME",)),  # Jenkins
    _Service(("HEROKU_BUILD_COMMIT", "HEROKU_SLUG_COMMIT"), (), ("HEROKU_RELEASE_VERSION",)),
    _Service(("RENDER_GIT_COMMIT",), ("RENDER_GIT_BRANCH",)),
    _Service(
        ("RAILWAY_GIT_COMMIT_SHA",),
        ("RAILWAY_GIT_BRANCH",),
        (),
        ("RAILWAY_ENVIRONMENT_NAME", "RAILWAY_ENVIRONMENT"),
    ),
    _Service(("VERCEL_GIT_COMMIT_SHA",), ("VERCEL_GIT_COMMIT_REF",), (), ("VERCEL_ENV",)),
    _Service(("CF_PAGES_COMMIT_SHA",), ("CF_PAGES_BRANCH",)),
    _Service(("COMMIT_REF",), ("BRANCH",), (), ("CONTEXT",)),  # Netlify
    _Service(("COMMIT_SHA",), ("BRANCH_NAME",), ("TAG_NAME",)),  # Google Cloud Build
    _Service(("KOYEB_GIT_SHA",), ("KOYEB_GIT_BRANCH",)),
    _Service(("SOURCE_VERSION",)),  # Heroku and Scalingo while they build
    _Service(("SOURCE_COMMIT",), ("SOURCE_BRANCH",)),  # Docker Hub, Coolify
    _Service(("GIT_REV",)),  # Dokku
    _Service(("CC_COMMIT_ID",)),  # Clever Cloud
)
# Hosts that name what runs, but no commit.
_RUNNING = ("FLY_IMAGE_REF", "K_REVISION", "GAE_VERSION", "CONTAINER_VERSION")
_NAMES = ("PERFCTL_RELEASE", "SENTRY_RELEASE", "DD_VERSION")
_ENVIRONMENTS = ("PERFCTL_ENVIRONMENT", "SENTRY_ENVIRONMENT", "DD_ENV")


def detect(environ: Mapping[str, str], folders: Iterable[Path]) -> Release:
    """What the variables say, completed by the first `.git` or REVISION at or above the folders."""
    found = read_environ(environ)
    if not found.commit_id:
        for folder in folders:
            on_disk = read_git(folder) or read_revision(folder)
            if on_disk is not None:
                found = _complete(found, on_disk)
                break
    return found


def named(ref: str | None, release: str | None, environment: str | None, found: Release) -> Release:
    """What a person said, completed by what was found.

    A ref that is a commit's id names the commit, any other one the release too.
    """
    ref = _checked(ref, "REF")
    release = _checked(release, "--release")
    commit = ref.lower() if is_commit(ref) else ""
    said = Release(
        release=release or ("" if commit else ref),
        ref=ref,
        commit_id=commit,
        environment=_checked(environment, "--environment"),
    )
    if commit and not found.commit_id.startswith(commit):
        found = found._replace(commit_id="", ref="", release="", origin="")
    elif commit:
        said = said._replace(commit_id=found.commit_id)
    return _complete(said, found)


def _checked(text: str | None, what: str) -> str:
    written = (text or "").strip()
    if text is not None and (not written or len(written) > _LONGEST or not written.isprintable()):
        raise UsageError(
            f"{what} takes a name of 1 to {_LONGEST} characters in one line, not {text!r:.60}"
        )
    return written


def is_commit(text: str) -> bool:
    """Whether it could be the id of a commit, whole or shortened."""
    return _COMMIT.fullmatch(text) is not None


def read_environ(environ: Mapping[str, str]) -> Release:
    """What the usual variables of CI and hosts say."""
    names = Release(
        release=_first(environ, _NAMES)[1], environment=_first(environ, _ENVIRONMENTS)[1]
    )
    for service in _SERVICES:
        name, commit = _first(environ, service.commits)
        if is_commit(commit):
            return _complete(names, _of_service(environ, service, name, commit))
    name, running = _first(environ, _RUNNING)
    if running:
        return _complete(names, Release(release=running.rpartition(":")[2], origin=name))
    return names._replace(origin=_first(environ, _NAMES)[0])


def _of_service(environ: Mapping[str, str], service: _Service, name: str, commit: str) -> Release:
    return Release(
        release=_tag(_first(environ, service.tags)[1]),
        ref=_short(_first(environ, service.refs)[1]),
        commit_id=commit.lower(),
        environment=_first(environ, service.environments)[1],
        origin=name,
    )


def _complete(first: Release, second: Release) -> Release:
    """The first, where it is silent the second."""
    return Release._make(a or b for a, b in zip(first, second, strict=True))


def _first(environ: Mapping[str, str], names: Iterable[str]) -> tuple[str, str]:
    for name in names:
        value = environ.get(name, "").strip()
        if value and len(value) <= _LONGEST and value.isprintable():
            return name, value
    return "", ""


def _short(ref: str) -> str:
    return ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


def _tag(ref: str) -> str:
    """The tag of a full ref or a bare tag; nothing for a branch."""
    return "" if ref.startswith("refs/") and not ref.startswith("refs/tags/") else _short(ref)


def read_revision(folder: Path) -> Release | None:
    """The commit that a REVISION file at or above the folder names, as Capistrano writes it."""
    for place in (folder, *folder.parents):
        text = (_read(place / "REVISION") or "").split("\n")[0].strip()
        if is_commit(text):
            return Release(commit_id=text.lower(), origin="REVISION")
        if text and len(text) <= _LONGEST and text.isprintable():
            return Release(release=text, origin="REVISION")
    return None


def read_git(folder: Path) -> Release | None:
    """The commit and the branch that are checked out at or above the folder."""
    for place in (folder, *folder.parents):
        git = _git_folder(place / ".git")
        if git is not None:
            return _read_head(git)
    return None


def _git_folder(path: Path) -> Path | None:
    """The folder itself, or of a worktree and a submodule the one that the file names."""
    if _is_folder(path):
        return path
    said = (_read(path) or "").strip()
    if not said.startswith("gitdir:"):
        return None
    found = path.parent / said.removeprefix("gitdir:").strip()
    return found if _is_folder(found) else None


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a folder above it is closed to us
        return False


def _read_head(git: Path) -> Release | None:
    common = git / (_read(git / "commondir") or ".").strip()  # a worktree shares its refs
    name, text = "HEAD", _read(git / "HEAD") or ""
    for _ in range(_DEEPEST):
        text = text.strip()
        if is_commit(text):
            ref = "" if name == "HEAD" else _short(name)
            commit = text.lower()
            return Release(_tag_of(common, commit), ref, commit, origin=".git")
        name = text.removeprefix("ref:").strip()
        if not text.startswith("ref:") or not name.startswith("refs/") or ".." in name:
            return None
        text = _read(git / name) or _read(common / name) or _packed(common / "packed-refs", name)
    return None


def _tag_of(git: Path, commit: str) -> str:
    """The tag of a commit, of several the last by name; annotated ones too."""
    found = [name for name, target in _tags(git) if target == commit]
    return max(found, default="")


def _tags(git: Path) -> Iterator[tuple[str, str]]:
    """Names of tags, each with what it points at, and once more with the commit behind that."""
    folder = git / "refs/tags"
    try:
        paths = sorted(islice(folder.rglob("*"), _MOST_TAGS))
    except OSError:
        paths = []
    for path in paths:
        target = (_read(path) or "").strip()
        if is_commit(target):
            name = path.relative_to(folder).as_posix()
            yield name, target
            yield name, _peeled(git / "objects" / target[:2] / target[2:])
    name = ""
    for line in islice(_lines(git / "packed-refs"), _MOST_REFS):
        text = line.strip()
        if text.startswith("^"):
            yield name, text[1:]
            continue
        target, _, ref = text.partition(" ")
        name = ref.removeprefix("refs/tags/") if ref.startswith("refs/tags/") else ""
        if name:
            yield name, target


def _peeled(path: Path) -> str:
    """The commit of an annotated tag that lies there by itself; nothing for what is none."""
    try:
        with path.open("rb") as file:
            text = zlib.decompressobj().decompress(file.read(_MOST_BYTES), _MOST_BYTES)
    except (OSError, zlib.error):
        return ""
    kind, _, content = text.partition(b"\0")
    found = re.match(rb"object ([0-9a-f]{40,64})\n", content) if kind.startswith(b"tag ") else None
    return found[1].decode() if found else ""


def _packed(path: Path, name: str) -> str:
    for line in islice(_lines(path), _MOST_REFS):
        commit, _, ref = line.strip().partition(" ")
        if ref == name:
            return commit
    return ""


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            yield from file
    except OSError:
        return


def _read(path: Path) -> str | None:
    """The beginning of a small file; None where there is none that can be read."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_MOST_BYTES)
    except OSError:
        return None
