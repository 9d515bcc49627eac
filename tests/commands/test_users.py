"""Root, the web server's user and a third one, each with the whole command line."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import perfctl
from perfctl.store.place import spool_folder
from tests import segments
from tests.other_users import python_for_all
from tests.segments import request

WEB, THIRD, SHARED = 33, 65534, 54_321
_NEEDED = (
    "typer", "shellingham", "annotated_doc", "typing_extensions.py", "rich", "markdown_it", "mdurl",
    "pygments", "psutil", "packaging", "sqlite_utils", "sqlite_fts4", "click", "click_default_group.py",
    "click_default_group", "dateutil", "six.py", "pluggy", "tabulate", "tabulate.py", "pip",
)  # fmt: skip

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


class Site(NamedTuple):
    """An installation that everyone can read, and a folder for stores."""

    installation: Path
    folder: Path

    def run(
        self, *arguments: object, uid: int = 0, gid: int | None = None, groups: tuple[int, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """`perfctl` as that user, from cron: an empty environment, no terminal."""
        done = subprocess.run(
            [python_for_all(), "-B", "-m", "perfctl", *map(str, arguments)],
            user=uid,
            group=uid if gid is None else gid,
            extra_groups=groups,
            umask=0o022,
            cwd="/",
            env={"PYTHONPATH": str(self.installation), "PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done


@pytest.fixture(scope="module")
def installation() -> Iterator[Path]:
    """perfctl and what it stands on, copied to where everyone can read it."""
    folder = Path(tempfile.mkdtemp(prefix="perfctl-users-"))
    folder.chmod(0o755)
    site = Path(json.__file__).parents[1]
    import typer

    packages = Path(typer.__file__).parents[1]
    shutil.copytree(
        Path(perfctl.__file__).parent,
        folder / "perfctl",
        ignore=shutil.ignore_patterns("__pycache__", "examples"),
    )
    for name in _NEEDED:
        source = packages / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, folder / name)
    assert site.exists()
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def site(installation: Path) -> Iterator[Site]:
    """A fresh folder of the web server's user."""
    folder = Path(tempfile.mkdtemp(prefix="perfctl-store-"))
    os.chown(folder, WEB, WEB)
    folder.chmod(0o755)
    yield Site(installation, folder)
    shutil.rmtree(folder)


def owners(folder: Path) -> set[int]:
    """Whose the things in a folder are."""
    return {path.lstat().st_uid for path in folder.rglob("*")}


def test_the_cron_of_root_makes_a_store_of_the_folders_owner(site: Site) -> None:
    """Root collects first; the web server's user and its commands go on with the store."""
    store = site.folder / ".perfctl" / "perfctl.db"
    assert site.run("--db", store, "collect").returncode == 0
    assert owners(site.folder) == {WEB}
    assert store.stat().st_mode & 0o777 == 0o600
    assert store.parent.stat().st_mode & 0o777 == 0o700

    _feed(store, uid=WEB)
    done = site.run("--db", store, "requests", "--format", "ndjson", uid=WEB)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 3
    _feed(store, uid=WEB)
    assert site.run("--db", store, "collect").returncode == 0
    assert owners(site.folder) == {WEB}


def test_a_third_user_is_told_the_line_to_run(site: Site) -> None:
    """Exit 4, nothing on stdout, nothing made."""
    store = site.folder / "a.db"
    assert site.run("--db", store, "init", uid=WEB).returncode == 0
    before = sorted(path.name for path in site.folder.rglob("*"))
    for verb in ("health", "endpoints", "collect", "doctor"):
        done = site.run("--db", store, verb, uid=THIRD)
        assert (done.returncode, done.stdout) == (4, ""), verb
        assert "sudo -u www-data perfctl" in done.stderr
    assert sorted(path.name for path in site.folder.rglob("*")) == before


@pytest.mark.parametrize(
    "verb", ["endpoints", "collect", "doctor", "health --system", "init", "config show"]
)
def test_a_closed_folder_of_another_user_is_told_the_same(site: Site, verb: str) -> None:
    """The usual shape, 0700: nothing is said of files that nobody can see."""
    store = site.folder / ".perfctl" / "perfctl.db"
    assert site.run("--db", store, "init", uid=WEB).returncode == 0
    done = site.run("--db", store, *verb.split(), uid=THIRD)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        f"perfctl: {store} belongs to www-data; you are nobody\n"
        f"  try: sudo -u www-data perfctl --db {store} {verb}\n"
    )


def test_a_group_shares_a_store_that_is_made_for_it(site: Site) -> None:
    """Web and cron under different users of one group: both write, a third one cannot."""
    store = site.folder / "shared" / "a.db"
    assert site.run("--db", store, "init", "--group", SHARED, "--owner", "www-data").returncode == 0
    assert store.stat().st_mode & 0o777 == 0o660
    assert spool_folder(store).stat().st_mode & 0o7777 == 0o2770
    _feed(store, uid=WEB, gid=SHARED, mode=0o660)
    done = site.run("--db", store, "collect", uid=THIRD, groups=(SHARED,))
    assert done.returncode == 0, done.stderr
    done = site.run("--db", store, "endpoints", uid=WEB, groups=(SHARED,))
    assert done.returncode == 0, done.stderr
    assert site.run("--db", store, "endpoints", uid=THIRD).returncode == 4


def test_a_refused_owner_leaves_nothing(site: Site) -> None:
    """Who cannot write in the folder cannot keep a store there."""
    os.chown(site.folder, 0, 0)
    store = site.folder / "a.db"
    done = site.run("--db", store, "init", "--owner", "www-data")
    assert (done.returncode, done.stdout) == (4, "")
    assert f"www-data cannot write to {site.folder}" in done.stderr
    assert f"try: perfctl init --db {site.folder}/.perfctl/a.db --owner www-data" in done.stderr
    assert list(site.folder.iterdir()) == []
    hint = done.stderr.partition("try: perfctl ")[2].split()
    assert site.run(*hint).returncode == 0


def test_an_owner_who_cannot_reach_the_place_leaves_nothing(site: Site) -> None:
    """A folder of root's that is closed, however new the one in it."""
    os.chown(site.folder, 0, 0)
    site.folder.chmod(0o700)
    done = site.run("--db", site.folder / "new" / "a.db", "init", "--owner", "www-data")
    assert (done.returncode, done.stdout) == (4, "")
    assert f"www-data cannot reach {site.folder}" in done.stderr
    assert list(site.folder.iterdir()) == []


@pytest.mark.parametrize("verb", ["init", "collect"])
def test_a_closed_installation_leaves_nothing(site: Site, verb: str) -> None:
    """Root refuses before it makes a store for somebody who could not work on it."""
    site.installation.chmod(0o700)
    try:
        done = site.run("--db", site.folder / ".perfctl" / "a.db", verb)
    finally:
        site.installation.chmod(0o755)
    assert (done.returncode, done.stdout) == (4, "")
    assert "who cannot read perfctl's installation" in done.stderr
    assert list(site.folder.iterdir()) == []


def test_a_folder_that_everyone_can_write_is_read_and_not_written(site: Site) -> None:
    """Anyone could put another store in this one's place; `doctor` has the line that mends it."""
    store = site.folder / "a.db"
    assert site.run("--db", store, "init", uid=WEB).returncode == 0
    _feed(store, uid=WEB)
    assert site.run("--db", store, "collect", uid=WEB).returncode == 0
    _feed(store, uid=WEB)
    site.folder.chmod(0o777)
    for verb in ("collect", "init", "prune", "db vacuum"):
        done = site.run("--db", store, *verb.split(), uid=WEB)
        assert (done.returncode, done.stdout) == (4, ""), verb
        assert f"everyone can write to {site.folder}" in done.stderr
        assert f"try: chmod o-w {site.folder}" in done.stderr
    done = site.run("--db", store, "doctor", uid=WEB)
    assert done.returncode == 1
    assert f"chmod o-w {site.folder}" in done.stdout
    assert "as they should be" not in done.stdout
    done = site.run("--db", store, "endpoints", "--format", "json", uid=WEB)
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert found["data"]["endpoints"][0]["count"] == 3
    assert found["coverage"]["pending_bytes"] > 0
    assert any("everyone can write" in warning for warning in found["warnings"])
    site.folder.chmod(0o1777)
    assert site.run("--db", store, "collect", uid=WEB).returncode == 0


def test_in_the_open_folder_of_another_a_place_of_ones_own_is_named(site: Site) -> None:
    """Only its owner can close it."""
    os.chown(site.folder, 0, 0)
    site.folder.chmod(0o777)
    done = site.run("--db", site.folder / "a.db", "init", uid=WEB)
    assert (done.returncode, list(site.folder.iterdir())) == (4, [])
    assert f"try: perfctl init --db {site.folder}/.perfctl/a.db" in done.stderr
    hint = done.stderr.partition("try: perfctl ")[2].split()
    assert site.run(*hint, uid=WEB).returncode == 0


def test_a_read_only_root_still_answers(site: Site) -> None:
    """A container whose file system cannot be written: the answer, with a word about the spool."""
    store = site.folder / "a.db"
    site.run("--db", store, "init", uid=WEB)
    _feed(store, uid=WEB)
    site.run("--db", store, "collect", uid=WEB)
    _feed(store, uid=WEB)
    with _read_only(site.folder):
        done = site.run("--db", store, "endpoints", "--format", "json", uid=WEB)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["data"]["endpoints"][0]["count"] == 3
        assert found["coverage"]["pending_bytes"] > 0
        done = site.run("--db", store, "collect", uid=WEB)
        assert (done.returncode, done.stdout) == (4, "")
        assert len(done.stderr.strip().splitlines()) <= 2


def test_a_read_only_folder_is_said_in_one_line(site: Site) -> None:
    """init and collect where nothing can be made: exit 4, and nothing is made elsewhere instead."""
    with _read_only(site.folder):
        for verb in ("init", "collect"):
            done = site.run("--db", site.folder / "x" / "a.db", verb, uid=WEB)
            assert (done.returncode, done.stdout) == (4, "")
            assert str(site.folder) in done.stderr
    assert list(site.folder.iterdir()) == []


def test_a_spool_made_unwritable_is_a_problem_for_doctor(site: Site) -> None:
    """Exit 1, and it names the folder."""
    store = site.folder / "a.db"
    site.run("--db", store, "init", uid=WEB)
    spool_folder(store).chmod(0o500)
    done = site.run("--db", store, "doctor", uid=WEB)
    assert done.returncode == 1
    assert str(spool_folder(store)) in done.stdout


def _feed(store: Path, *, uid: int, gid: int | None = None, mode: int = 0o600) -> None:
    path = segments.write(store, [request(int(time.time() * 1000) - i) for i in range(3)])
    os.chown(path, uid, uid if gid is None else gid)
    path.chmod(mode)


@contextlib.contextmanager
def _read_only(folder: Path) -> Iterator[None]:
    """A read-only bind mount of the folder onto itself."""
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)
