"""The files of a store, and who can get at them."""

from __future__ import annotations

import grp
import os
import pwd
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from perfctl.errors import EnvironmentFault, StoreError, UsageError
from perfctl.store.place import check, lock_file, prepare, spool_folder
from tests.other_users import Elsewhere

WWW = pwd.getpwnam("www-data")
NOBODY = pwd.getpwnam("nobody")
MAIL_GID = grp.getgrnam("mail").gr_gid
PREPARE = """
from perfctl.store.place import prepare
os.umask(int((sys.argv[4:] or ["0"])[0], 8))
prepare(Path(sys.argv[1]), group=sys.argv[2] or None, owner=sys.argv[3] or None)
print(json.dumps("made"))
"""


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Too open and too closed."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(store: Path) -> dict[str, str]:
    """Of folder, spool and file."""
    return {
        "folder": f"{stat.S_IMODE(store.parent.stat().st_mode):o}",
        "spool": f"{stat.S_IMODE(spool_folder(store).stat().st_mode):o}",
        "store": f"{stat.S_IMODE(store.stat().st_mode):o}",
    }


def ids(*paths: Path) -> set[tuple[int, int]]:
    """The owners and groups of the paths."""
    return {(path.lstat().st_uid, path.lstat().st_gid) for path in paths}


def test_the_paths_beside_a_store() -> None:
    """Spool and lock are named after it."""
    store = Path("/srv/app/.perfctl/perfctl.db")
    assert spool_folder(store) == Path("/srv/app/.perfctl/perfctl.db.spool")
    assert lock_file(store) == Path("/srv/app/.perfctl/perfctl.db.lock")


def test_a_new_store_is_its_owners_alone(tmp_path: Path, umask: int) -> None:
    """Whatever the umask, with the folders above it made too."""
    store = tmp_path / "state" / "perfctl" / "perfctl.db"
    store.parent.parent.mkdir(mode=0o755)
    store.parent.parent.chmod(0o755)
    prepare(store)
    assert modes(store) == {"folder": "700", "spool": "700", "store": "600"}
    assert store.stat().st_size == 0


@pytest.mark.parametrize("umask", ["0", "77", "777"])
def test_the_umask_does_not_matter_to_other_users(elsewhere: Elsewhere, umask: str) -> None:
    """Root could enter any folder; the others only what they may."""
    elsewhere.make("mine", NOBODY.pw_uid, NOBODY.pw_gid)
    store = elsewhere.folder / "mine" / "state" / ".perfctl" / "perfctl.db"
    answer = elsewhere.run(PREPARE, store, "", "", umask, uid=NOBODY.pw_uid, gid=NOBODY.pw_gid)
    assert answer == (0, "made")
    assert modes(store) == {"folder": "700", "spool": "700", "store": "600"}


def test_a_shared_store_is_its_groups(tmp_path: Path, umask: int) -> None:
    """Whatever the umask; new files in the folder get its group by themselves."""
    store = tmp_path / ".perfctl" / "perfctl.db"
    prepare(store, group="mail")
    assert modes(store) == {"folder": "2770", "spool": "2770", "store": "660"}
    assert {gid for _, gid in ids(store, store.parent, spool_folder(store))} == {MAIL_GID}


def test_what_sqlite_makes_beside_the_store_has_its_mode(tmp_path: Path) -> None:
    """The -wal and -shm files too are closed to others, whatever the umask."""
    store = tmp_path / ".perfctl" / "perfctl.db"
    prepare(store)
    before = os.umask(0)
    con = sqlite3.connect(store)
    con.execute("PRAGMA journal_mode = WAL")
    con.execute("CREATE TABLE t(x)")
    os.umask(before)
    beside = [store.with_name(store.name + end) for end in ("-wal", "-shm")]
    assert [stat.S_IMODE(path.stat().st_mode) for path in beside] == [0o600, 0o600]
    con.close()


def test_preparing_again_changes_nothing(tmp_path: Path) -> None:
    """The store keeps its bytes, and a folder that was there before its mode."""
    tmp_path.chmod(0o755)
    store = tmp_path / "perfctl.db"
    prepare(store)
    store.write_bytes(b"kept")
    prepare(store)
    assert store.read_bytes() == b"kept"
    assert modes(store) == {"folder": "755", "spool": "700", "store": "600"}


def test_an_existing_store_can_be_opened_to_a_group(tmp_path: Path) -> None:
    """With all that is in its folder and its spool."""
    store = tmp_path / ".perfctl" / "perfctl.db"
    prepare(store)
    segment = spool_folder(store) / "1-0123456789abcdef.spool"
    wal = store.with_name("perfctl.db-wal")
    for path in (segment, wal, lock_file(store)):
        path.touch(mode=0o600)
    prepare(store, group=str(MAIL_GID))
    assert modes(store) == {"folder": "2770", "spool": "2770", "store": "660"}
    for path in (segment, wal, lock_file(store)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert path.stat().st_gid == MAIL_GID


def test_a_folder_with_other_files_is_not_opened_to_a_group(tmp_path: Path) -> None:
    """The project's own folder is not perfctl's to share."""
    tmp_path.chmod(0o755)
    (tmp_path / "manage.py").touch()
    store = tmp_path / "perfctl.db"
    with pytest.raises(EnvironmentFault) as caught:
        prepare(store, group="mail")
    assert caught.value.hint is not None
    elsewhere = tmp_path / ".perfctl" / "perfctl.db"
    assert caught.value.hint == f"perfctl init --db {elsewhere} --group mail"
    assert [path.name for path in tmp_path.iterdir()] == ["manage.py"]
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_folder_that_is_shared_already_serves(tmp_path: Path) -> None:
    """Set up by an administrator, with other files in it."""
    os.chown(tmp_path, -1, MAIL_GID)
    tmp_path.chmod(0o2775)
    (tmp_path / "manage.py").touch()
    store = tmp_path / "perfctl.db"
    prepare(store)
    assert modes(store) == {"folder": "2775", "spool": "2770", "store": "660"}


def test_root_makes_all_for_the_owner(elsewhere: Elsewhere) -> None:
    """Of the folder, or the one who is named; each new folder on the way is theirs too."""
    elsewhere.make("www", WWW.pw_uid, WWW.pw_gid)
    store = elsewhere.folder / "www" / "state" / ".perfctl" / "perfctl.db"
    assert elsewhere.run(PREPARE, store, "", "") == (0, "made")
    made = (store, spool_folder(store), store.parent, store.parent.parent)
    assert ids(*made) == {(WWW.pw_uid, WWW.pw_gid)}

    named = elsewhere.make("root", 0, 0) / ".perfctl" / "perfctl.db"
    assert elsewhere.run(PREPARE, named, "mail", "nobody") == (0, "made")
    assert ids(named, spool_folder(named), named.parent) == {(NOBODY.pw_uid, MAIL_GID)}


def test_a_member_of_the_group_prepares_what_is_missing(elsewhere: Elsewhere) -> None:
    """In a shared folder of another user, also where there is nothing left to do."""
    folder = elsewhere.make("app", WWW.pw_uid, MAIL_GID, 0o2770)
    store = folder / "perfctl.db"
    for _ in range(2):
        answer = elsewhere.run(
            PREPARE, store, "", "", uid=NOBODY.pw_uid, gid=NOBODY.pw_gid, groups=[MAIL_GID]
        )
        assert answer == (0, "made")
    assert ids(store, spool_folder(store)) == {(NOBODY.pw_uid, MAIL_GID)}
    assert modes(store) == {"folder": "2770", "spool": "2770", "store": "660"}


@pytest.mark.parametrize(("group", "owner"), [("mail", ""), ("", "www-data")])
def test_only_root_makes_a_store_for_others(elsewhere: Elsewhere, group: str, owner: str) -> None:
    """For a group that one is not of, or for another user: exit code 4."""
    folder = elsewhere.make("mine", NOBODY.pw_uid, NOBODY.pw_gid)
    store = folder / ".perfctl" / "perfctl.db"
    answer = elsewhere.run(PREPARE, store, group, owner, uid=NOBODY.pw_uid, gid=NOBODY.pw_gid)
    assert answer.exit_code == 4
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said_so(elsewhere: Elsewhere) -> None:
    """Exit code 4 with the system's reason and the path."""
    store = elsewhere.make("closed", 0, 0) / ".perfctl" / "perfctl.db"
    answer = elsewhere.run(PREPARE, store, "", "", uid=NOBODY.pw_uid, gid=NOBODY.pw_gid)
    assert answer.exit_code == 4
    assert "Permission denied" in answer.said["error"]
    assert str(store.parent) in answer.said["error"]


def test_a_read_only_filesystem_is_said_so() -> None:
    """Exit code 4; /proc is one that nobody makes folders in."""
    with pytest.raises(EnvironmentFault, match=r"the store /proc/x/perfctl\.db cannot be made"):
        prepare(Path("/proc/x/perfctl.db"))


def test_a_link_as_the_store_is_refused(tmp_path: Path) -> None:
    """SQLite would follow it and write to what it points to; that stays as it is."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    store = tmp_path / "perfctl.db"
    store.symlink_to(victim)
    for act in (prepare, check):
        with pytest.raises(StoreError, match="is a link"):
            act(store)
    assert victim.read_text() == "precious"
    assert stat.S_IMODE(victim.stat().st_mode) == 0o644


def test_a_link_to_nowhere_is_refused_and_makes_nothing(tmp_path: Path) -> None:
    """A name that someone else chose is not created."""
    store = tmp_path / "perfctl.db"
    store.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="is a link"):
        prepare(store)
    assert not (tmp_path / "elsewhere").exists()


def test_a_link_as_the_spool_is_refused(tmp_path: Path) -> None:
    """Segments would be read from, and removed in, a folder of another's choice."""
    store = tmp_path / "perfctl.db"
    (tmp_path / "other").mkdir()
    spool_folder(store).symlink_to(tmp_path / "other")
    for act in (prepare, check):
        with pytest.raises(StoreError, match=r"perfctl\.db\.spool is not a folder"):
            act(store)


def test_a_folder_as_the_store_is_refused(tmp_path: Path) -> None:
    """With the path that was probably meant."""
    (tmp_path / "state").mkdir()
    with pytest.raises(StoreError) as caught:
        check(tmp_path / "state")
    assert caught.value.hint == f"--db {tmp_path}/state/perfctl.db"


def test_what_everyone_can_write_is_refused(tmp_path: Path) -> None:
    """Store or spool: anybody could put records in."""
    store = tmp_path / "perfctl.db"
    prepare(store)
    store.chmod(0o606)
    with pytest.raises(StoreError, match=f"everyone can write to {store}"):
        check(store)
    store.chmod(0o600)
    spool_folder(store).chmod(0o777)
    with pytest.raises(StoreError, match="and so into the store"):
        check(store)


def test_what_everyone_can_read_is_a_warning(tmp_path: Path) -> None:
    """A copy made under another umask still answers."""
    store = tmp_path / "perfctl.db"
    prepare(store)
    assert check(store) == ()
    store.chmod(0o644)
    assert check(store) == (f"everyone can read {store}",)


def test_the_spool_of_another_user_is_refused(tmp_path: Path) -> None:
    """Unless they share a group: both names are told."""
    store = tmp_path / ".perfctl" / "perfctl.db"
    prepare(store)
    os.chown(spool_folder(store), WWW.pw_uid, WWW.pw_gid)
    with pytest.raises(StoreError, match="belongs to www-data, the store to root"):
        check(store)
    spool_folder(store).chmod(0o2770)
    assert check(store) == ()


def test_a_store_that_is_not_there_has_nothing_to_check(tmp_path: Path) -> None:
    """Nothing is made by looking."""
    assert check(tmp_path / ".perfctl" / "perfctl.db") == ()
    assert list(tmp_path.iterdir()) == []


def test_a_group_that_does_not_exist_makes_nothing(tmp_path: Path) -> None:
    """Exit code 2, before anything is touched."""
    with pytest.raises(UsageError):
        prepare(tmp_path / ".perfctl" / "perfctl.db", group="no-such-group")
    assert list(tmp_path.iterdir()) == []
