"""As whom perfctl works on a store: root, its owner, its group, and anyone else."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from perfctl.errors import UsageError
from perfctl.store.ownership import Owner, find_group, find_owner, is_group_folder
from tests.other_users import NO_ACCOUNT, Elsewhere

WWW = pwd.getpwnam("www-data")
NOBODY = pwd.getpwnam("nobody")
BECOME = """
from perfctl.store.ownership import become_owner
owner = become_owner(Path(sys.argv[1]), owner=(sys.argv[2:] or [None])[0], argv=["health"])
print(json.dumps({
    "owner": owner.name, "uid": os.getresuid(), "gid": os.getresgid(),
    "groups": sorted(os.getgroups()), "umask": os.umask(0), "home": os.environ["HOME"],
}))
"""


def make_store(folder: Path, uid: int, gid: int, mode: int = 0o600) -> Path:
    """An empty file of that owner."""
    store = folder / "perfctl.db"
    store.touch()
    os.chown(store, uid, gid)
    store.chmod(mode)
    return store


def as_www(umask: int = 0o077) -> dict[str, object]:
    """What BECOME says where root has become www-data for good."""
    return {
        "owner": "www-data",
        "uid": [WWW.pw_uid] * 3,
        "gid": [WWW.pw_gid] * 3,
        "groups": [WWW.pw_gid],
        "umask": umask,
        "home": WWW.pw_dir,
    }


def test_root_becomes_the_owner_of_the_store(elsewhere: Elsewhere) -> None:
    """All three ids, the groups, umask and home: nothing of root is left."""
    folder = elsewhere.make("app", 0, 0)
    store = make_store(folder, WWW.pw_uid, WWW.pw_gid)
    assert elsewhere.run(BECOME, store) == (0, as_www())


def test_root_makes_a_new_store_for_the_owner_of_its_folder(elsewhere: Elsewhere) -> None:
    """Of the nearest one that exists."""
    folder = elsewhere.make("app", WWW.pw_uid, WWW.pw_gid)
    assert elsewhere.run(BECOME, folder / ".perfctl" / "perfctl.db") == (0, as_www())


def test_root_goes_by_the_spool_where_there_is_no_store_yet(elsewhere: Elsewhere) -> None:
    """The hook was first: its user owns what comes."""
    folder = elsewhere.make("app", 0, 0)
    spool = elsewhere.make("app/perfctl.db.spool", WWW.pw_uid, WWW.pw_gid, 0o700)
    assert spool.parent == folder
    assert elsewhere.run(BECOME, folder / "perfctl.db") == (0, as_www())


def test_root_can_make_a_store_for_someone(elsewhere: Elsewhere) -> None:
    """`init --owner USER`, whoever owns the folder."""
    folder = elsewhere.make("app", 0, 0)
    assert elsewhere.run(BECOME, folder / "perfctl.db", "www-data") == (0, as_www())
    assert elsewhere.run(BECOME, folder / "perfctl.db", str(WWW.pw_uid)) == (0, as_www())


def test_root_stays_root_for_its_own_store(elsewhere: Elsewhere) -> None:
    """With the umask all the same."""
    store = make_store(elsewhere.make("app", WWW.pw_uid, WWW.pw_gid), 0, 0)
    answer = elsewhere.run(BECOME, store)
    assert (answer.said["uid"], answer.said["umask"]) == ([0, 0, 0], 0o077)


def test_root_becomes_a_user_without_an_account(elsewhere: Elsewhere) -> None:
    """As containers have them: the number, the file's group, no home."""
    store = make_store(elsewhere.make("app", 0, 0), NO_ACCOUNT, 777)
    answer = elsewhere.run(BECOME, store)
    assert answer.said == {
        "owner": str(NO_ACCOUNT),
        "uid": [NO_ACCOUNT] * 3,
        "gid": [777] * 3,
        "groups": [777],
        "umask": 0o077,
        "home": "/",
    }


def test_root_loads_what_it_needs_before_it_becomes_the_owner(elsewhere: Elsewhere) -> None:
    """Preloading still runs as root."""
    store = make_store(elsewhere.make("app", 0, 0), WWW.pw_uid, WWW.pw_gid)
    code = """
from perfctl.store.ownership import become_owner
seen = []
become_owner(Path(sys.argv[1]), preload=[lambda: seen.append(os.geteuid())])
print(json.dumps([*seen, os.geteuid()]))
"""
    assert elsewhere.run(code, store) == (0, [0, WWW.pw_uid])


@pytest.mark.parametrize("closed", ["installation", "installation/perfctl"])
def test_root_stops_where_the_owner_cannot_read_the_installation(
    elsewhere: Elsewhere, closed: str
) -> None:
    """Exit code 4 with the folder at fault; half-way through would be worse."""
    (elsewhere.folder / closed).chmod(0o700)
    store = make_store(elsewhere.make("app", 0, 0), WWW.pw_uid, WWW.pw_gid)
    exit_code, said = elsewhere.run(BECOME, store)
    assert exit_code == 4
    assert "belongs to www-data, who cannot read perfctl's installation" in said["error"]
    assert str(elsewhere.installation) in said["error"]


def test_root_may_read_its_own_store_with_a_closed_installation(elsewhere: Elsewhere) -> None:
    """The reason to stop is another owner."""
    elsewhere.installation.chmod(0o700)
    store = make_store(elsewhere.make("app", 0, 0), 0, 0)
    assert elsewhere.run(BECOME, store).exit_code == 0


def test_root_without_the_right_to_become_another_stops(elsewhere: Elsewhere) -> None:
    """A container that dropped CAP_SETUID and CAP_SETGID."""
    store = make_store(elsewhere.make("app", 0, 0), WWW.pw_uid, WWW.pw_gid)
    without = ("setpriv", "--bounding-set", "-setuid,-setgid")
    exit_code, said = elsewhere.run(BECOME, store, before=without)
    assert exit_code == 4
    assert "root cannot" in said["error"]


def test_the_owner_goes_on(elsewhere: Elsewhere) -> None:
    """With nothing changed but the umask."""
    store = make_store(elsewhere.make("app", 0, 0), WWW.pw_uid, WWW.pw_gid)
    answer = elsewhere.run(BECOME, store, uid=WWW.pw_uid, gid=WWW.pw_gid)
    assert (answer.exit_code, answer.said["owner"], answer.said["umask"]) == (0, "www-data", 0o077)


@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_another_user_is_told_the_line_to_run(elsewhere: Elsewhere, mode: int) -> None:
    """Exit code 4, also where the folder cannot be entered; the line names the store."""
    store = make_store(elsewhere.make("app", WWW.pw_uid, WWW.pw_gid, mode), WWW.pw_uid, WWW.pw_gid)
    answer = elsewhere.run(BECOME, store, uid=NOBODY.pw_uid, gid=NOBODY.pw_gid)
    assert answer == (
        4,
        {
            "error": f"{store} belongs to www-data; you are nobody",
            "hint": f"sudo -u www-data perfctl health --db {store}",
        },
    )


def test_anyone_makes_a_new_store_for_themselves(elsewhere: Elsewhere) -> None:
    """In a folder such as /tmp, whoever owns it."""
    folder = elsewhere.make("open", 0, 0, 0o1777)
    answer = elsewhere.run(BECOME, folder / "perfctl.db", uid=NOBODY.pw_uid, gid=NOBODY.pw_gid)
    assert (answer.exit_code, answer.said["owner"]) == (0, "nobody")


def test_the_group_shares_a_store_in_group_mode(elsewhere: Elsewhere) -> None:
    """Members go on with a umask that keeps the group in; others do not."""
    store = make_store(elsewhere.make("app", WWW.pw_uid, 777, 0o2770), WWW.pw_uid, 777, 0o660)
    member = elsewhere.run(BECOME, store, uid=NOBODY.pw_uid, gid=NOBODY.pw_gid, groups=[777])
    assert (member.exit_code, member.said["umask"]) == (0, 0o007)
    other = elsewhere.run(BECOME, store, uid=NOBODY.pw_uid, gid=NOBODY.pw_gid)
    assert other.exit_code == 4


def test_the_group_of_a_folder_without_the_mark_shares_nothing(elsewhere: Elsewhere) -> None:
    """0770 alone is no group mode."""
    store = make_store(elsewhere.make("app", WWW.pw_uid, 777, 0o770), WWW.pw_uid, 777, 0o660)
    member = elsewhere.run(BECOME, store, uid=NOBODY.pw_uid, gid=NOBODY.pw_gid, groups=[777])
    assert member.exit_code == 4


def test_root_keeps_the_group_in_group_mode(elsewhere: Elsewhere) -> None:
    """The owner's own groups, and the store's."""
    store = make_store(elsewhere.make("app", WWW.pw_uid, 777, 0o2770), WWW.pw_uid, 777, 0o660)
    assert elsewhere.run(BECOME, store) == (0, as_www(0o007) | {"groups": [WWW.pw_gid, 777]})


def test_a_store_is_not_given_away_by_an_option(tmp_path: Path) -> None:
    """`--owner` of a store that has one already, a user that does not exist: exit code 2."""
    store = make_store(tmp_path, WWW.pw_uid, WWW.pw_gid)
    with pytest.raises(UsageError, match="belongs to www-data already, not to nobody"):
        find_owner(store, "nobody")
    with pytest.raises(UsageError, match="there is no user 'no-such-user'"):
        find_owner(tmp_path / "new.db", "no-such-user")
    assert find_owner(store, "www-data") == Owner(WWW.pw_uid, WWW.pw_gid, "www-data")


def test_the_owner_of_a_link_is_who_made_it(tmp_path: Path) -> None:
    """What it points to is not asked: whoever makes a link must not choose as whom root works."""
    (tmp_path / "target").touch()
    link = tmp_path / "perfctl.db"
    link.symlink_to(tmp_path / "target")
    os.chown(link, WWW.pw_uid, WWW.pw_gid, follow_symlinks=False)
    assert find_owner(link).name == "www-data"


def test_a_file_in_place_of_the_folder_leads_nowhere(tmp_path: Path) -> None:
    """The nearest thing that exists decides; making the folder will fail with its own words."""
    (tmp_path / "file").touch()
    assert find_owner(tmp_path / "file" / "perfctl.db").uid == os.geteuid()


def test_groups_go_by_name_or_number() -> None:
    """One that does not exist: exit code 2 with the line that makes it."""
    assert find_group("www-data") == WWW.pw_gid
    assert find_group("777") == 777
    with pytest.raises(UsageError) as caught:
        find_group("no-such-group")
    assert caught.value.hint == "groupadd no-such-group"


def test_the_mark_of_group_mode() -> None:
    """Set-group-ID and all rights, of a folder."""
    assert is_group_folder(0o042770)
    assert is_group_folder(0o042775)
    assert not is_group_folder(0o040770)
    assert not is_group_folder(0o042750)
    assert not is_group_folder(0o102770)
