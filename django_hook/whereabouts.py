"""Which functions and folders mean what on a Django project's stack."""

from __future__ import annotations

import functools
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import asgiref
import django
from django.conf import settings

import perfctl
from django_hook.awaiting import waiting_frames
from perfctl.recording.sources import Mark, Origin, SourceMap
from perfctl.recording.stack import PathReader

_HERE = str(Path(__file__).absolute().parent)

# By file below Django's folder. These send several statements for one call; the outermost one
# counts, so that all the chunks of one iterator() are one call.
_DJANGO_MARKS: Mapping[str, Mapping[str, Mark]] = {
    "core/handlers/base.py": {"_get_response": Mark.STOP, "_get_response_async": Mark.STOP},
    "db/models/query.py": dict.fromkeys(
        (
            "prefetch_related_objects",
            "_iterator",
            "aiterator",
            "bulk_create",
            "bulk_update",
            "in_bulk",
            "delete",
        ),
        Mark.BATCH,
    ),
    "db/models/deletion.py": {"collect": Mark.BATCH, "delete": Mark.BATCH},
}
_HOOK_MARKS: Mapping[str, Mapping[str, Mark]] = {
    "middleware.py": {"record": Mark.STOP, "arecord": Mark.STOP},
    "streams.py": {"__next__": Mark.STOP, "__anext__": Mark.STOP, "close": Mark.STOP},
}


@functools.cache
def source_map(base_dir: str | None) -> SourceMap:
    """Whose code is whose, for a project in that folder."""
    django_root = _folder_of(django)
    asgiref_root = _folder_of(asgiref)
    paths = sysconfig.get_paths()
    marks = {f"{django_root}/{file}": names for file, names in _DJANGO_MARKS.items()}
    marks |= {f"{_HERE}/{file}": names for file, names in _HOOK_MARKS.items()}
    marks[f"{asgiref_root}/sync.py"] = {"thread_handler": Mark.CROSSING}
    return SourceMap(
        project=base_dir,
        roots={
            django_root: Origin.FRAMEWORK,
            f"{django_root}/db": Origin.SKIPPED,
            f"{django_root}/utils": Origin.SKIPPED,
            f"{django_root}/core/handlers": Origin.SKIPPED,
            asgiref_root: Origin.SKIPPED,
            _folder_of(perfctl): Origin.SKIPPED,
            _HERE: Origin.SKIPPED,
        },
        standard_library={paths["stdlib"], paths["platstdlib"]},
        search_path=[entry for entry in sys.path if entry.startswith("/")],
        marks=marks,
    )


def _folder_of(package: ModuleType) -> str:
    return str(Path(str(package.__file__)).absolute().parent)


def project_sources() -> SourceMap:
    """The source map of the project that runs."""
    base = getattr(settings, "BASE_DIR", None)
    return source_map(str(Path(base).absolute()) if base else None)


def make_reader() -> PathReader:
    """A reader of call paths for the project that runs."""
    return PathReader(project_sources(), waiting_frames)
