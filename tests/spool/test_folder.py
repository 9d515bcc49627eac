"""Whose the spool folder is, who may enter it, and which folders are refused."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from perfctl.spool import folder as spool_folder
from perfctl.spool.folder import SpoolRefused, find_group, open_folder
from tests.segments import line
from tests.spool import spools
from tests.spool.spools import HEAD, Clock, in_child

WEB, CRON, OTHER = 51_001, 51_002, 51_003
SHARED = 52_000


def rights(path: Path) -> tuple[int, int, str]:
    """Owner, group and mode."""
    status = path.lstat()
    return status.st_uid, status.st_gid, f"{stat.S_IMODE(status.st_mode):o}"


def owned(path: Path, uid: int, gid: int, mode: int) -> Path:
    """A folder of that owner."""
    path.mkdir()
    os.chown(path, uid, gid)
    path.chmod(mode)
    return path


def append(folder: Path, **options: Any) -> list[Any]:
    """What an append says, and why it refuses if it does."""
    writer = spools.writer(folder, **options)
    taken = writer.append(line(["r", os.geteuid()]))
    refusal = writer.refusal
    return [taken, refusal and refusal.message, writer.dropped]


def refusal_of(folder: Path, **options: Any) -> str:
    """Why a writer refuses everything there; it must count that, too."""
    taken, message, dropped = append(folder, **options)
    assert not taken
    assert dropped == {"folder_refused": 1}
    assert isinstance(message, str)
    return message


def test_missing_folders_are_made_private(tmp_path: Path, umask: int) -> None:
    """The store's folder as well, whatever the umask; what is above as others make it."""
    folder = tmp_path / "state" / "perfctl" / "perfctl.db.spool"
    assert append(folder) == [True, None, {}]
    assert rights(folder)[2] == rights(folder.parent)[2] == "700"
    assert rights(tmp_path / "state")[2] == "755"


def test_group_mode_shares_the_folder_and_its_segments(place: Path, umask: int) -> None:
    """2770 and 0660 with the group, whatever the umask."""
    folder = place / ".perfctl" / "perfctl.db.spool"
    assert append(folder, group=SHARED) == [True, None, {}]
    (segment,) = spools.segments(folder)
    assert rights(folder) == rights(folder.parent) == (0, SHARED, "2770")
    assert rights(segment) == (0, SHARED, "660")


def test_a_user_can_share_with_a_group_of_its_own(place: Path, umask: int) -> None:
    """No root is needed for it."""
    os.chown(place, WEB, WEB)
    folder = place / "spool"
    said = in_child(lambda: append(folder, group=SHARED), uid=WEB, gid=WEB, groups=[SHARED])
    assert said == [True, None, {}]
    (segment,) = spools.segments(folder)
    assert rights(folder) == (WEB, SHARED, "2770")
    assert rights(segment) == (WEB, SHARED, "660")


def test_a_group_that_the_user_is_not_in_is_refused(place: Path) -> None:
    """No folder is left that would be private after all."""
    os.chown(place, WEB, WEB)
    folder = place / "spool"
    said = in_child(lambda: refusal_of(folder, group=SHARED), uid=WEB, gid=WEB)
    assert os.strerror(errno.EPERM) in said
    assert os.listdir(place) == []


@pytest.mark.parametrize("group", [SHARED, None])
def test_a_shared_folder_takes_records_of_every_member(place: Path, group: int | None) -> None:
    """Web and cron under different users; the segments go by the folder, not by the setting."""
    folder = owned(place / "spool", CRON, SHARED, 0o2770)
    said = in_child(lambda: append(folder, group=group), uid=WEB, gid=WEB, groups=[SHARED])
    assert said == [True, None, {}]
    assert append(folder, group=group) == [True, None, {}]
    assert sorted(map(rights, spools.segments(folder))) == sorted(
        [(WEB, SHARED, "660"), (CRON, SHARED, "660")]
    )


def test_a_shared_folder_is_closed_to_who_is_not_in_the_group(place: Path) -> None:
    """And says why."""
    folder = owned(place / "spool", CRON, SHARED, 0o2770)
    said = in_child(lambda: refusal_of(folder), uid=OTHER, gid=OTHER)
    assert str(folder) in said


def test_a_shared_folder_of_another_group_is_not_the_configured_one(place: Path) -> None:
    """A member of both would else write for the wrong readers."""
    folder = owned(place / "spool", CRON, SHARED, 0o2770)
    said = in_child(
        lambda: refusal_of(folder, group=SHARED + 1), uid=WEB, gid=WEB, groups=[SHARED, SHARED + 1]
    )
    assert f"belongs to user {CRON}" in said


def test_a_shared_folder_may_be_planted_where_everybody_can_write(place: Path) -> None:
    """In /tmp, say, only the configured group makes it ours."""
    place.chmod(0o1777)
    folder = owned(place / "spool", OTHER, SHARED, 0o2770)

    def work() -> list[object]:
        return [refusal_of(folder), append(folder, group=SHARED)]

    said, configured = in_child(work, uid=WEB, gid=WEB, groups=[SHARED])
    assert f"belongs to user {OTHER}" in said
    assert configured == [True, None, {}]


def test_an_unknown_group_is_refused(place: Path) -> None:
    """Nothing is made with rights that nobody asked for."""
    assert "no-such-group" in refusal_of(place / "spool", group="no-such-group")
    assert os.listdir(place) == []


def test_a_group_is_found_by_name_or_id() -> None:
    """As `init --group` and `PERFCTL["GROUP"]` give it."""
    assert (find_group("root"), find_group(SHARED), find_group(str(SHARED))) == (0, SHARED, SHARED)


def test_root_makes_folders_for_the_owner_of_the_one_above(place: Path) -> None:
    """A root-run manage.py must not shut the site out of its own spool."""
    project = owned(place / "project", WEB, CRON, 0o755)
    folder = project / ".perfctl" / "perfctl.db.spool"
    assert append(folder) == [True, None, {}]
    (segment,) = spools.segments(folder)
    assert rights(folder.parent) == rights(folder) == (WEB, CRON, "700")
    assert rights(segment) == (WEB, CRON, "600")
    assert in_child(lambda: append(folder), uid=WEB, gid=WEB) == [True, None, {}]
    assert len(spools.records(folder)) == 2


def test_root_makes_segments_for_the_owner_of_the_folder(place: Path) -> None:
    """Its reader runs as that owner."""
    folder = owned(place / "spool", WEB, CRON, 0o700)
    assert append(folder) == [True, None, {}]
    assert rights(spools.segments(folder)[0]) == (WEB, CRON, "600")


def test_root_gives_away_no_folder_that_was_put_in_its_way(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner of the folder above may exchange the new one for another of root's."""
    project = owned(place / "project", WEB, WEB, 0o755)
    secret = owned(project / "secret", 0, 0, 0o700)
    (secret / "key").write_text("key")
    mkdir = os.mkdir

    def exchange(name: str, mode: int, *, dir_fd: int) -> None:
        mkdir(name, mode, dir_fd=dir_fd)
        os.rmdir(name, dir_fd=dir_fd)
        os.rename("secret", name, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)

    monkeypatch.setattr(spool_folder.os, "mkdir", exchange)
    refusal_of(project / "spool")
    monkeypatch.undo()
    (moved,) = project.iterdir()
    assert rights(moved) == (0, 0, "700")


def test_a_link_in_the_place_of_the_new_folder_is_not_followed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it points to keeps its owner and mode."""
    project = owned(place / "project", WEB, WEB, 0o755)
    victim = owned(place / "victim", 0, 0, 0o711)

    def plant(name: str, mode: int, *, dir_fd: int) -> None:
        os.symlink(victim, name, dir_fd=dir_fd)

    monkeypatch.setattr(spool_folder.os, "mkdir", plant)
    refusal_of(project / "spool")
    assert rights(victim) == (0, 0, "711")


def test_a_folder_that_is_exchanged_during_the_checks_is_looked_at_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers that make it at once: the one that was there first is gone."""
    exchanged: list[Path] = []
    access = os.access

    def exchange(path: str, mode: int, **options: Any) -> bool:
        if len(exchanged) < 2:
            exchanged.append(folder)
            folder.rmdir()
            folder.mkdir(mode=0o700)
        return access(path, mode, **options)

    monkeypatch.setattr(os, "access", exchange)
    assert append(folder) == [True, None, {}]
    assert len(exchanged) == 2
    assert len(spools.records(folder)) == 1


@pytest.mark.parametrize("target", ["folder", "nothing"])
def test_a_link_is_refused(place: Path, target: str) -> None:
    """Nothing is written behind it."""
    victim = place / "victim"
    if target == "folder":
        victim.mkdir(mode=0o700)
    folder = place / "spool"
    folder.symlink_to(victim)
    assert "is a link" in refusal_of(folder)
    assert not victim.exists() or os.listdir(victim) == []


def test_a_file_is_refused_and_left_as_it_is(place: Path) -> None:
    """Whoever put it there."""
    folder = place / "spool"
    folder.write_text("a file")
    assert "no folder" in refusal_of(folder)
    assert folder.read_text() == "a file"


def test_a_file_above_is_refused_without_advice_to_remove_it(place: Path) -> None:
    """`/etc/hosts/spool`: a slip in the configuration."""
    (place / "file").write_text("a file")
    writer = spools.writer(place / "file" / "spool")
    refusal = writer.refusal
    assert refusal is not None
    assert os.strerror(errno.ENOTDIR) in refusal.message
    assert refusal.hint is None


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o770, 0o701, 0o777, 0o2777, 0o2775])
def test_a_folder_open_to_others_is_refused(place: Path, mode: int) -> None:
    """It is neither private nor in group mode; the hint shuts it."""
    folder = owned(place / "a spool", 0, 0, mode)
    writer = spools.writer(folder)
    assert not writer.append(line(["r", 1]))
    refusal = writer.refusal
    assert refusal is not None
    assert (f"mode {mode:04o}" in refusal.message, refusal.reason) == (True, "folder_refused")
    assert refusal.hint == f"chmod 700 '{folder}'"
    assert os.listdir(folder) == []


def test_a_folder_of_somebody_else_is_refused(place: Path) -> None:
    """Both users are named."""
    folder = owned(place / "spool", CRON, CRON, 0o700)
    said = in_child(lambda: refusal_of(folder), uid=WEB, gid=WEB)
    assert said.endswith(f"belongs to user {CRON}, this process runs as user {WEB}")


def test_a_folder_of_root_is_refused_by_name(place: Path) -> None:
    """With the way out."""
    folder = owned(place / "spool", 0, 0, 0o700)

    def work() -> list[object]:
        refusal = spools.writer(folder).refusal
        assert refusal is not None
        return [refusal.message, refusal.hint]

    message, hint = in_child(work, uid=WEB, gid=WEB)
    assert "belongs to root" in message
    assert hint.startswith("perfctl init --group")


def test_a_folder_without_the_right_to_write_is_refused(place: Path) -> None:
    """Before anything is tried, so that it is told at start."""
    folder = owned(place / "spool", WEB, WEB, 0o500)
    said = in_child(lambda: refusal_of(folder), uid=WEB, gid=WEB)
    assert "cannot be written" in said


def test_a_place_without_the_right_to_make_it_is_refused(place: Path) -> None:
    """A container's read-only root, a project that belongs to the deployer."""
    said = in_child(lambda: refusal_of(place / ".perfctl" / "spool"), uid=WEB, gid=WEB)
    assert os.strerror(errno.EACCES) in said
    assert os.listdir(place) == []


def test_a_refused_folder_is_used_once_it_is_repaired(place: Path, clock: Clock) -> None:
    """Without a restart; what was refused meanwhile is told."""
    folder = owned(place / "spool", 0, 0, 0o755)
    writer = spools.writer(folder, clock=clock)
    for _ in range(3):
        assert not writer.append(line(["r", 1]))
    folder.chmod(0o700)
    assert not writer.append(line(["r", 2]))
    clock.now += 2
    assert writer.append(line(["r", 3]))
    assert writer.refusal is None
    (segment,) = spools.segments(folder)
    assert spools.read(segment).records == [HEAD, ["r", 3], ["c", "dropped:folder_refused", 4]]


def test_a_folder_that_opens_to_others_later_is_refused_then(folder: Path, clock: Clock) -> None:
    """At the next look."""
    writer = spools.writer(folder, clock=clock)
    assert writer.append(line(["r", 1]))
    folder.chmod(0o777)
    clock.now += 2
    assert not writer.append(line(["r", 2]))
    assert writer.dropped == {"folder_refused": 1}


def test_a_foreign_place_is_told_before_a_record_is_lost(place: Path) -> None:
    """`refusal` looks by itself: the hook asks it at start."""
    folder = owned(place / "spool", 0, 0, 0o777)
    refusal = spools.writer(folder).refusal
    assert refusal is not None
    assert refusal.reason == "folder_refused"


def test_refusals_are_errors_with_exit_code_4(place: Path) -> None:
    """For commands that open the folder themselves."""
    folder = owned(place / "spool", 0, 0, 0o777)
    with pytest.raises(SpoolRefused) as caught, open_folder(folder):
        pass
    assert (caught.value.exit_code, caught.value.reason) == (4, "folder_refused")
