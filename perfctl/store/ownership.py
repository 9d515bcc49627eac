"""Whose the store is: perfctl works on it as its owner, or says who should."""

import contextlib
import os
import pwd
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from perfctl.errors import EnvironmentFault, UsageError
from perfctl.spool import folder as spool_folder

GROUP_FOLDER = 0o2070
"""Set-group-ID and all rights of the group: the mark of a folder in group mode."""
# What later imports will need: the package, the standard library, the packages it stands on.
_INSTALLATION = (
    "perfctl",
    "encodings",
    "os",
    "typer",
    "rich",
    "psutil",
    "packaging",
    "sqlite_utils",
)


class Owner(NamedTuple):
    """The user and group that the store's files have, or will have."""

    uid: int
    gid: int
    name: str
    group_mode: bool = False

    @property
    def umask(self) -> int:
        """What the owner's new files keep from others."""
        return 0o007 if self.group_mode else 0o077


def become_owner(
    store: Path,
    *,
    owner: str | None = None,
    preload: Iterable[Callable[[], object]] = (),
    argv: Sequence[str] | None = None,
) -> Owner:
    """Go on as the store's owner, with a umask to match; call it before anything is opened.

    Root becomes the owner for good, after `preload` has imported what will be needed. Anyone else
    must be the owner or, in group mode, of its group: EnvironmentFault has the line to run.
    """
    wanted = find_owner(store, owner)
    if os.geteuid() == 0:
        _become(wanted, store, preload)
    elif os.geteuid() != wanted.uid and not _is_of_group(wanted):
        raise _not_ours(wanted, store, sys.argv[1:] if argv is None else argv)
    os.umask(wanted.umask)
    return wanted


def check_reachable(store: Path) -> None:
    """Refuse a store in a folder of another user that is closed to us; before anything is read there."""
    try:
        store.lstat()
    except PermissionError:
        owner = find_owner(store)
        if owner.uid != os.geteuid():
            raise _not_ours(owner, store, sys.argv[1:]) from None
    except OSError:
        return


def find_owner(store: Path, owner: str | None = None) -> Owner:
    """Who owns the store: its file, else its spool; a new one: `owner`, else who makes its folder.

    Root makes it for the owner of the folder it is made in, anyone else for themselves.
    """
    folder = nearest_folder(store.parent).stat()
    made = _made(store, folder)
    wanted = None if owner is None else _user(owner, folder)
    if made is not None and wanted is not None and made.st_uid != wanted.uid:
        raise UsageError(f"{store} belongs to {user_name(made.st_uid)} already, not to {owner}")
    if wanted is None and made is None and os.geteuid() != 0:
        wanted = Owner(os.geteuid(), os.getegid(), user_name(os.geteuid()))
    if wanted is None:
        of = made or folder
        wanted = Owner(of.st_uid, _primary_group(of), user_name(of.st_uid))
    if is_group_folder(folder.st_mode):
        wanted = wanted._replace(gid=folder.st_gid, group_mode=True)
    return wanted


def is_group_folder(mode: int) -> bool:
    """True for a folder whose files its group shares."""
    return stat.S_ISDIR(mode) and mode & GROUP_FOLDER == GROUP_FOLDER


def check_owner(store: Path, owner: Owner) -> None:
    """Refuse, as root, an owner who could not run this perfctl: before anything is made for them."""
    if os.geteuid() != 0 or owner.uid == 0:
        return
    unreadable = _unreadable_for(owner, _groups(owner))
    if unreadable is not None:
        raise EnvironmentFault(
            f"{store} belongs to {owner.name}, who cannot read perfctl's installation "
            f"({unreadable}); root works on a store as its owner",
            f"install perfctl where {owner.name} can read it, such as /opt/perfctl",
        )


def can_use(owner: Owner, folder: Path, rights: int) -> bool:
    """Whether the owner has these rights in the folder; only root can ask."""
    if owner.uid == 0:
        return True
    with _acting_as(owner.uid, _groups(owner)):
        return os.access(folder, rights, effective_ids=True)


def nearest_folder(folder: Path) -> Path:
    """The folder, or the nearest above it that exists."""
    for candidate in (folder, *folder.parents):
        with contextlib.suppress(OSError):
            candidate.stat()
            return candidate
    raise EnvironmentFault(f"{folder} does not lead anywhere")


def find_group(name: str) -> int:
    """The id of a group by name or number."""
    try:
        return spool_folder.find_group(name)
    except spool_folder.SpoolRefused as refused:
        raise UsageError(refused.message, refused.hint) from None


def user_name(uid: int) -> str:
    """The login name, or the number where there is no account."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _become(owner: Owner, store: Path, preload: Iterable[Callable[[], object]]) -> None:
    if owner.uid == 0:
        return
    for load in preload:
        load()
    check_owner(store, owner)
    groups = _groups(owner)
    try:
        os.setgroups(groups)
        os.setresgid(groups[0], groups[0], groups[0])
        os.setresuid(owner.uid, owner.uid, owner.uid)
    except OSError as exc:
        raise EnvironmentFault(
            f"{store} belongs to {owner.name}, and root cannot become that user here: {exc.strerror}"
        ) from exc
    _take_home(owner)


def _take_home(owner: Owner) -> None:
    """As `su` does: what is started from here must not look into root's home."""
    home = "/"
    with contextlib.suppress(KeyError):
        home = pwd.getpwuid(owner.uid).pw_dir
    os.environ.update(HOME=home, USER=owner.name, LOGNAME=owner.name)


def _groups(owner: Owner) -> list[int]:
    """The user's groups, the primary one first; in group mode the store's among them."""
    try:
        user = pwd.getpwuid(owner.uid)
    except KeyError:
        return [owner.gid]
    groups = [user.pw_gid, *os.getgrouplist(user.pw_name, user.pw_gid)]
    if owner.group_mode:
        groups.append(owner.gid)
    return list(dict.fromkeys(groups))


def _unreadable_for(owner: Owner, groups: list[int]) -> str | None:
    """The first file of the installation that the user cannot read, as the kernel answers."""
    with _acting_as(owner.uid, groups):
        if sys.executable and not os.access(sys.executable, os.X_OK, effective_ids=True):
            return sys.executable
        for file in _installation():
            folder = str(Path(file).parent)
            if not os.access(folder, os.R_OK | os.X_OK, effective_ids=True):
                return folder
            if not os.access(file, os.R_OK, effective_ids=True):
                return file
    return None


def _installation() -> Iterator[str]:
    for name in _INSTALLATION:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is not None:
            yield file


@contextlib.contextmanager
def _acting_as(uid: int, groups: list[int]) -> Iterator[None]:
    """Ask the kernel with the rights of a user, then be root again."""
    gid_before, groups_before = os.getegid(), os.getgroups()
    try:
        os.setgroups(groups)
        os.setegid(groups[0])
        os.seteuid(uid)
        yield
    except PermissionError as exc:
        raise EnvironmentFault(f"root cannot act as user {uid} here: {exc.strerror}") from exc
    finally:
        os.seteuid(0)
        os.setegid(gid_before)
        with contextlib.suppress(PermissionError):
            os.setgroups(groups_before)


def _is_of_group(owner: Owner) -> bool:
    return owner.group_mode and owner.gid in (os.getegid(), *os.getgroups())


def _not_ours(owner: Owner, store: Path, argv: Sequence[str]) -> EnvironmentFault:
    import shlex

    # sudo drops PERFCTL_DB, so the line names the store.
    named = any(word == "--db" or word.startswith("--db=") for word in argv)
    line = ["sudo", "-u", owner.name, "perfctl", *argv, *(() if named else ("--db", str(store)))]
    return EnvironmentFault(
        f"{store} belongs to {owner.name}; you are {user_name(os.geteuid())}", shlex.join(line)
    )


def _made(store: Path, folder: os.stat_result) -> os.stat_result | None:
    """The store, or its spool where only a hook was here yet; links are not followed."""
    for path in (store, store.with_name(f"{store.name}.spool")):
        try:
            return path.lstat()
        except PermissionError:
            return folder  # 0700, of the same owner
        except (FileNotFoundError, NotADirectoryError):
            continue
    return None


def _user(name: str, folder: os.stat_result) -> Owner:
    """A user by name or number; a number without an account has the folder's group."""
    try:
        user = pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
    except KeyError:
        if name.isdigit():
            return Owner(int(name), folder.st_gid, name)
        raise UsageError(f"there is no user {name!r}") from None
    return Owner(user.pw_uid, user.pw_gid, user.pw_name)


def _primary_group(of: os.stat_result) -> int:
    try:
        return pwd.getpwuid(of.st_uid).pw_gid
    except KeyError:
        return of.st_gid
