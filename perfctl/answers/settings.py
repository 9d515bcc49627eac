"""`config show`: the settings in force and where they come from."""

from __future__ import annotations

from perfctl.answers.answer import Answer
from perfctl.model import Coverage
from perfctl.settings import Located, Settings


def describe_settings(located: Located, settings: Settings, *, with_origin: bool) -> Answer:
    """A row a setting: the store, then all others by name."""
    rows: list[dict[str, object]] = [
        {"name": "store", "value": str(located.path), "origin": located.origin}
    ]
    for name, value in settings.explain().items():
        if name != "db":
            rows.append({"name": name, "value": value.value, "origin": value.origin})
    if not with_origin:
        rows = [{"name": row["name"], "value": row["value"]} for row in rows]
    files = [str(path) for path in settings.files]
    nothing = Coverage(len(rows), (), 0, 0, None)
    data = {"settings": rows, "files": files}
    return Answer("config", None, nothing, data, settings.warnings)
