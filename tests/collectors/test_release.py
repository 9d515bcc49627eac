"""What is deployed is read from variables and files, without running anything."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from perfctl.collectors.release import (
    Release,
    detect,
    named,
    read_environ,
    read_git,
    read_revision,
)
from perfctl.errors import UsageError

SHA = "9c1e2f3a4b5c6d7e8f90a1b2c3d4e5f60718293a"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (
            {"GITHUB_SHA": SHA, "GITHUB_REF_NAME": "main", "GITHUB_REF": "refs/heads/main"},
            ("", "main", "GITHUB_SHA"),
        ),
        (
            {"GITHUB_SHA": SHA, "GITHUB_REF_NAME": "v1.4.2", "GITHUB_REF": "refs/tags/v1.4.2"},
            ("v1.4.2", "v1.4.2", "GITHUB_SHA"),
        ),
        (
            {"CI_COMMIT_SHA": SHA, "CI_COMMIT_REF_NAME": "v2", "CI_COMMIT_TAG": "v2"},
            ("v2", "v2", "CI_COMMIT_SHA"),
        ),
        ({"CIRCLE_SHA1": SHA, "CIRCLE_BRANCH": "main"}, ("", "main", "CIRCLE_SHA1")),
        ({"BUILDKITE_COMMIT": SHA, "BUILDKITE_BRANCH": "m"}, ("", "m", "BUILDKITE_COMMIT")),
        ({"BITBUCKET_COMMIT": SHA, "BITBUCKET_TAG": "v3"}, ("v3", "", "BITBUCKET_COMMIT")),
        (
            {"BUILD_SOURCEVERSION": SHA, "BUILD_SOURCEBRANCH": "refs/heads/a/b",
             "BUILD_SOURCEBRANCHNAME": "b"},
            ("", "b", "BUILD_SOURCEVERSION"),
        ),
        (
            {"CODEBUILD_RESOLVED_SOURCE_VERSION": SHA,
             "CODEBUILD_WEBHOOK_HEAD_REF": "refs/heads/main"},
            ("", "main", "CODEBUILD_RESOLVED_SOURCE_VERSION"),
        ),
        ({"GIT_COMMIT": SHA, "GIT_BRANCH": "origin/main"}, ("", "origin/main", "GIT_COMMIT")),
        (
            {"HEROKU_SLUG_COMMIT": SHA, "HEROKU_RELEASE_VERSION": "v42"},
            ("v42", "", "HEROKU_SLUG_COMMIT"),
        ),
        ({"HEROKU_BUILD_COMMIT": SHA}, ("", "", "HEROKU_BUILD_COMMIT")),
        ({"RENDER_GIT_COMMIT": SHA, "RENDER_GIT_BRANCH": "m"}, ("", "m", "RENDER_GIT_COMMIT")),
        ({"RAILWAY_GIT_COMMIT_SHA": SHA}, ("", "", "RAILWAY_GIT_COMMIT_SHA")),
        ({"VERCEL_GIT_COMMIT_SHA": SHA}, ("", "", "VERCEL_GIT_COMMIT_SHA")),
        ({"SOURCE_VERSION": SHA}, ("", "", "SOURCE_VERSION")),
    ],
)  # fmt: skip
def test_what_ci_and_hosts_say(environ: dict[str, str], expected: tuple[str, str, str]) -> None:
    """The commit, with the branch or tag that goes with it, and which variable said so."""
    found = read_environ(environ)

    assert found.commit_id == SHA
    assert (found.release, found.ref, found.origin) == expected


def test_a_host_that_knows_no_commit_names_what_runs() -> None:
    """Fly's image and Cloud Run's revision are releases."""
    fly = read_environ({"FLY_IMAGE_REF": "registry.fly.io/vault:deployment-01H8"})
    assert fly == Release("deployment-01H8", "", "", "", "FLY_IMAGE_REF")
    assert read_environ({"K_REVISION": "vault-00042-abc"}).release == "vault-00042-abc"


def test_names_that_a_team_gives_go_before_what_a_service_says() -> None:
    """They are what the requests carry."""
    found = read_environ(
        {"SENTRY_RELEASE": "vault@1.4", "SENTRY_ENVIRONMENT": "prod", "GITHUB_SHA": SHA}
    )
    assert found == Release("vault@1.4", "", SHA, "prod", "GITHUB_SHA")


@pytest.mark.parametrize("value", ["", "  ", "main", "arn:aws:s3:::b/k", "\x1b[31m", "a" * 300])
def test_a_value_that_is_no_commit_is_none(value: str) -> None:
    """CodeBuild names S3 versions so; a variable may hold anything."""
    assert read_environ({"CODEBUILD_RESOLVED_SOURCE_VERSION": value}).commit_id == ""


def git(folder: Path, *arguments: str) -> str:
    """What git says."""
    said = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments],
        cwd=folder, check=True, capture_output=True, text=True,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"},
    )  # fmt: skip
    return said.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit on `main`."""
    folder = tmp_path / "repository"
    (folder / "src" / "app").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "commit", "-q", "--allow-empty", "-m", "one")
    return folder


@pytest.mark.parametrize("packed", [False, True])
def test_a_branch_is_found_from_any_folder_of_the_repository(
    repository: Path, packed: bool
) -> None:
    """Loose or packed, as git itself says."""
    git(repository, "branch", "feature/x")
    git(repository, "checkout", "-q", "feature/x")
    if packed:
        git(repository, "pack-refs", "--all")
        assert not (repository / ".git/refs/heads/feature/x").exists()

    found = read_git(repository / "src" / "app")

    assert found == Release("", "feature/x", git(repository, "rev-parse", "HEAD"), "", ".git")


def test_a_detached_head_is_a_commit_alone(repository: Path) -> None:
    """As CI checks out."""
    git(repository, "checkout", "-q", "--detach")

    assert read_git(repository) == Release("", "", git(repository, "rev-parse", "HEAD"), "", ".git")


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("is_annotated", [False, True])
def test_a_tag_of_the_commit_is_its_release(
    repository: Path, is_packed: bool, is_annotated: bool
) -> None:
    """Plain or annotated, loose or packed; a tag of another commit is of none."""
    git(repository, "tag", *(["-a", "-m", "x"] if is_annotated else []), "v1.4.2")
    if is_packed:
        git(repository, "pack-refs", "--all")
    found = read_git(repository)
    assert found is not None
    assert (found.release, found.ref) == ("v1.4.2", "main")
    git(repository, "commit", "-q", "--allow-empty", "-m", "two")
    found = read_git(repository)
    assert found is not None
    assert found.release == ""


@pytest.mark.parametrize("packed", [False, True])
def test_a_worktree_has_its_own_head_and_shared_refs(
    repository: Path, tmp_path: Path, packed: bool
) -> None:
    """Its `.git` is a file."""
    worktree = tmp_path / "worktree"
    git(repository, "worktree", "add", "-q", "-b", "other", str(worktree))
    git(worktree, "commit", "-q", "--allow-empty", "-m", "two")
    if packed:
        git(repository, "pack-refs", "--all")

    found = read_git(worktree)

    assert found == Release("", "other", git(worktree, "rev-parse", "HEAD"), "", ".git")
    assert found.commit_id != git(repository, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    "head",
    ["", "ref: ../../secret\n", "ref: refs/../../secret\n", "ref: refs/heads/gone\n", "\0\xff"],
)
def test_a_head_that_leads_nowhere_tells_nothing(repository: Path, head: str) -> None:
    """A file of a stranger's checkout does not name files to be read."""
    (repository / "secret").write_text(SHA)
    (repository / ".git" / "HEAD").write_text(head)

    assert read_git(repository) is None


def test_a_revision_file_names_the_commit_or_the_version(tmp_path: Path) -> None:
    """Capistrano writes the commit; others their version."""
    (tmp_path / "app").mkdir()
    (tmp_path / "REVISION").write_text(f"{SHA}\n")
    assert read_revision(tmp_path / "app") == Release("", "", SHA, "", "REVISION")
    (tmp_path / "REVISION").write_text("2026.11\n")
    assert read_revision(tmp_path) == Release("2026.11", "", "", "", "REVISION")


def test_variables_go_before_the_repository(repository: Path) -> None:
    """The commit of CI is the one that is deployed; a host without one is completed."""
    assert detect({"GITHUB_SHA": SHA}, [repository]).commit_id == SHA
    found = detect({"FLY_IMAGE_REF": "r/a:d-1"}, [repository])
    assert found.release == "d-1"
    assert found.commit_id == git(repository, "rev-parse", "HEAD")


FOUND = Release("v2", "main", SHA, "prod", "GITHUB_SHA")


@pytest.mark.parametrize(
    ("ref", "release", "found", "expected"),
    [
        ("v1", None, Release(), Release("v1", "v1", "", "", "")),
        ("v1", "r1", Release(), Release("r1", "v1", "", "", "")),
        (SHA[:8], None, Release(), Release("", SHA[:8], SHA[:8], "", "")),
        (SHA[:8], None, FOUND, Release("v2", SHA[:8], SHA, "prod", "GITHUB_SHA")),
        ("abcdef12", None, FOUND, Release("", "abcdef12", "abcdef12", "prod", "")),
        ("v1", None, FOUND, Release("v1", "v1", SHA, "prod", "GITHUB_SHA")),
        (None, None, FOUND, FOUND),
        (None, "r1", FOUND, FOUND._replace(release="r1")),
    ],
)
def test_what_is_said_goes_before_what_is_found(
    ref: str | None, release: str | None, found: Release, expected: Release
) -> None:
    """A commit that is named is never mixed with the branch of another."""
    assert named(ref, release, None, found) == expected


@pytest.mark.parametrize("ref", ["", "  ", "x" * 201, "a\nb", "\x1b[31m"])
def test_a_name_is_one_line_of_text(ref: str) -> None:
    """Others could not be said again on a command line."""
    with pytest.raises(UsageError):
        named(ref, None, None, Release())
