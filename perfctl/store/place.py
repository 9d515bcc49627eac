"""Makes the place of a store: folder, spool and an empty file, with the modes that keep others out."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from perfctl.errors import EnvironmentFault, StoreError
from perfctl.store import filesystem
from perfctl.store.ownership import (
    Owner,
    can_use,
    check_owner,
    find_group,
    find_owner,
    is_group_folder,
    nearest_folder,
    user_name,
)

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def spool_folder(store: Path) -> Path:
    """Where feeders of this store put their segments."""
    return store.with_name(f"{store.name}.spool")


def lock_file(store: Path) -> Path:
    """The file whose lock every writer of this store holds."""
    return store.with_name(f"{store.name}.lock")


def copies(store: Path) -> list[Path]:
    """Files beside the store that hold what it held: from before a migration, or damaged."""
    endings = (f"{store.name}.before-", f"{store.name}.damaged")
    found = (path for path in store.parent.iterdir() if path.name.startswith(endings))
    return sorted(path for path in found if path.is_file())


def prepare(store: Path, *, group: str | None = None, owner: str | None = None) -> tuple[Path, ...]:
    """Make what is missing of folder, spool and store: 0700 and 0600, with a group 2770 and 0660.

    The umask does not matter. A `group` also moves a store that exists into group mode. Root makes
    it all for the store's owner. The file stays empty: `connection.create` makes its schema. Returns
    what was made, for `remove`; where anything is refused, nothing of it is left.
    """
    filesystem.check(store)
    check_folder(store)
    wanted = find_owner(store, owner)
    if group is not None:
        wanted = wanted._replace(gid=find_group(group), group_mode=True)
    if owner is not None and os.geteuid() not in (0, wanted.uid):
        raise EnvironmentFault(f"only root can make a store for {owner}")
    is_given = group is not None and _holds_store_alone(store)
    if group is not None and not is_given:
        _check_shared(store, wanted, group)
    check_owner(store, wanted)
    if not is_given:
        _check_access(store, wanted)
    made: list[Path] = []
    try:
        with _own_rights():
            _make(store, wanted, made)
            if group is not None:
                _share(store, wanted, is_given=is_given)
        check(store)
    except BaseException as exc:
        what = "be written" if store.exists() and store not in made else "be made"
        remove(made)
        if not isinstance(exc, OSError):
            raise
        raise EnvironmentFault(
            f"the store {store} cannot {what}: {exc.strerror} ({exc.filename or group})"
        ) from exc
    return tuple(made)


def remove(made: Sequence[Path]) -> None:
    """Take back what `prepare` made, as far as nothing has been put into it."""
    for path in reversed(made):
        with contextlib.suppress(OSError):
            status = path.lstat()
            if stat.S_ISDIR(status.st_mode):
                path.rmdir()
            elif not status.st_size:
                path.unlink()


def check_folder(store: Path) -> None:
    """Refuse to write where everyone could put another file in the place of the store."""
    try:
        status = store.parent.stat()
    except OSError:
        return
    if not _is_open(status):
        return
    hint = f"chmod o-w {_quote(str(store.parent))}"
    if os.geteuid() not in (0, status.st_uid):
        hint = f"perfctl init --db {_quote(str(_own_place(store)))}"
    raise StoreError(_open_to_all(store), hint)


def check(store: Path) -> tuple[str, ...]:
    """Refuse a store behind a link or open to writers; return warnings about what others can read."""
    filesystem.check(store)
    try:
        found = _check_file(store, store.lstat()) + _check_spool(store)
        is_open = _is_open(store.parent.stat())
        return (*found, *((_open_to_all(store),) if is_open else ()))
    except (FileNotFoundError, NotADirectoryError):
        return _check_spool(store)
    except PermissionError as exc:
        raise EnvironmentFault(f"{store} cannot be reached: {exc.strerror}") from exc


def _check_shared(store: Path, owner: Owner, group: str) -> None:
    """A folder with other files is not perfctl's to open to a group; one that is open to it serves."""
    if not _is_shared_with(store.parent, owner.gid):
        place = _quote(str(_own_place(store)))
        raise EnvironmentFault(
            f"{store.parent} holds other files too, and perfctl does not open those to a group",
            f"perfctl init --db {place} --group {_quote(group)}",
        )


def _check_access(store: Path, owner: Owner) -> None:
    """Root could make the store where its owner cannot work on it."""
    if os.geteuid() != 0:
        return
    folder = nearest_folder(store.parent)
    if folder == store.parent:
        if not can_use(owner, folder, os.W_OK | os.X_OK):
            name = _quote(owner.name)
            raise EnvironmentFault(
                f"{owner.name} cannot write to {folder}",
                f"perfctl init --db {_quote(str(_own_place(store)))} --owner {name}",
            )
    elif not can_use(owner, folder, os.X_OK):
        raise EnvironmentFault(
            f"{owner.name} cannot reach {folder}",
            "put the store elsewhere, with --db or PERFCTL_DB",
        )


def _make(store: Path, owner: Owner, made: list[Path]) -> None:
    _make_folder(store, owner, made)
    _make_own_folder(spool_folder(store), owner, made)
    with contextlib.suppress(FileExistsError), _opened(store, _NEW) as fd:
        made.append(store)
        _give(fd, owner)


def _make_folder(store: Path, owner: Owner, made: list[Path]) -> None:
    """A folder that exists keeps its mode: it may be the project's own."""
    folder = store.parent
    if folder.exists():
        return
    for parent in reversed(folder.parents):
        if not parent.exists():
            parent.mkdir(mode=0o755)
            made.append(parent)
            if os.geteuid() == 0:
                os.chown(parent, owner.uid, owner.gid, follow_symlinks=False)
    _make_own_folder(folder, owner, made)


def _make_own_folder(folder: Path, owner: Owner, made: list[Path]) -> None:
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        made.append(folder)
        with _opened(folder, _FOLDER) as fd:
            _give(fd, owner)


def _share(store: Path, owner: Owner, *, is_given: bool) -> None:
    """Open what exists to the group: the folder only where it holds nothing but the store."""
    spool = spool_folder(store)
    if is_given:
        with _opened(store.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) as fd:
            _give(fd, owner)
    with _opened(spool, _FOLDER) as fd:
        _give(fd, owner)
    beside = [path for path in store.parent.iterdir() if path.name.startswith(store.name)]
    for path in (*beside, *spool.iterdir()):
        if stat.S_ISREG(path.lstat().st_mode):
            with _opened(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC) as fd:
                _give(fd, owner)


def _give(fd: int, owner: Owner) -> None:
    """Owner and mode of an open file or folder: through it, so that no link can come between."""
    is_folder = stat.S_ISDIR(os.fstat(fd).st_mode)
    if os.geteuid() == 0:
        os.fchown(fd, owner.uid, owner.gid)
    elif owner.group_mode:
        os.fchown(fd, -1, owner.gid)
    shared, alone = (0o2770, 0o700) if is_folder else (0o660, 0o600)
    os.fchmod(fd, shared if owner.group_mode else alone)


def _holds_store_alone(store: Path) -> bool:
    """True for perfctl's own or a new folder, and where all that is there belongs to the store."""
    folder = store.parent
    if folder.name == ".perfctl":
        return True
    try:
        return all(entry.name.startswith(store.name) for entry in folder.iterdir())
    except OSError:  # there is none yet, or the making of it will say why not
        return True


def _is_shared_with(folder: Path, gid: int) -> bool:
    status = folder.stat()
    return is_group_folder(status.st_mode) and status.st_gid == gid


def _own_place(store: Path) -> Path:
    """Where the store would have a folder of its own."""
    return store.parent / ".perfctl" / store.name


def _is_open(folder: os.stat_result) -> bool:
    """Where the sticky bit is set, as in /tmp, nobody replaces the files of others."""
    return bool(folder.st_mode & stat.S_IWOTH) and not folder.st_mode & stat.S_ISVTX


def _open_to_all(store: Path) -> str:
    return f"everyone can write to {store.parent}, and put another store in the place of this one"


def _check_file(store: Path, status: os.stat_result) -> tuple[str, ...]:
    if stat.S_ISLNK(status.st_mode):
        raise StoreError(f"{store} is a link: give the path that it points to", "--db PATH")
    if not stat.S_ISREG(status.st_mode):
        raise StoreError(f"{store} is not a file", f"--db {store / 'perfctl.db'}")
    if status.st_mode & stat.S_IWOTH:
        raise StoreError(f"everyone can write to {store}", f"chmod o-rwx {_quote(str(store))}")
    return (f"everyone can read {store}",) if status.st_mode & stat.S_IROTH else ()


def _check_spool(store: Path) -> tuple[str, ...]:
    spool = spool_folder(store)
    try:
        status = spool.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return ()
    if not stat.S_ISDIR(status.st_mode):
        raise StoreError(f"{spool} is not a folder: feeders have no place to write")
    if status.st_mode & stat.S_IWOTH:
        raise StoreError(
            f"everyone can write to {spool}, and so into the store",
            f"chmod o-rwx {_quote(str(spool))}",
        )
    return _check_spool_owner(store, spool, status)


def _check_spool_owner(store: Path, spool: Path, status: os.stat_result) -> tuple[str, ...]:
    of_store = find_owner(store)
    if status.st_uid == of_store.uid or is_group_folder(status.st_mode):
        return ()
    raise StoreError(
        f"{spool} belongs to {user_name(status.st_uid)}, the store to {of_store.name}",
        "perfctl init --group NAME makes a store that several users share",
    )


@contextlib.contextmanager
def _own_rights() -> Iterator[None]:
    """A umask that leaves the owner's own rights: else we could not enter the folder we made."""
    before = os.umask(0o077)
    os.umask(before & 0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    fd = os.open(path, flags, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)


def _quote(path: str) -> str:
    import shlex  # only what is refused needs it

    return shlex.quote(path)
