"""How much waits in the spool."""

from __future__ import annotations

import os
from pathlib import Path

from perfctl.spool.reader import list_segments
from perfctl.store import positions
from perfctl.store.connection import reading
from perfctl.store.place import spool_folder


def pending_bytes(store: Path) -> int:
    """How many bytes of the spool are not in the store yet."""
    folder = spool_folder(store)
    segments = list_segments(folder)
    if not segments:
        return 0
    read: dict[str, int] = {}
    if store.exists():
        with reading(store) as con:
            read = positions.read_all(con)
    total = 0
    for name in segments:
        try:
            size = os.stat(folder / name, follow_symlinks=False).st_size
        except OSError:
            continue
        total += max(0, size - read.get(name, 0))
    return total
