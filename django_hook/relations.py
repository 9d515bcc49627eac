"""What to do about an N+1: the relation to fetch along, the call that does it for all rows.

Read from Django's own frames on the stack, and only when a finding is made: once for each call path.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FrameType
from typing import Any

from django.db.models import Model, QuerySet

from django_hook import faults
from django_hook.whereabouts import project_sources
from perfctl.recording.fingerprint import Kind
from perfctl.recording.patterns import CallPath
from perfctl.recording.sources import Origin, function_name

_MOST_FRAMES = 200
_MOST_PLACES = 2_000
_ENDS = frozenset({"thread_handler", "_get_response", "_get_response_async"})

_WHOSE = {
    Origin.LIBRARY: "in a library's code",
    Origin.FRAMEWORK: "in Django's code",
}
_WRITES = {
    "INSERT": "bulk_create() inserts all rows at once",
    "UPDATE": "bulk_update() or update() changes all rows at once",
    "DELETE": "delete() of one queryset removes all rows at once",
}


def describe(path: CallPath, frame: FrameType) -> None:
    """Tell a path on which an N+1 was found what to add, and the template line that asks."""
    path.is_described = True
    try:
        below, above = _split(path, frame)
        # The functions of a compiled Jinja template are the project's own, with lines of their own.
        template = _template_line(below) or _jinja_line(above[:1])
        if template is not None:
            path.place = template
            context = None
        elif path.origin is Origin.OWN:
            context = _asked_by(path, above)
        else:
            context = _WHOSE.get(path.origin)
        path.detail = "; ".join(filter(None, (_advice(path, below), context))) or None
    except Exception:
        faults.count("describe")


def _split(path: CallPath, frame: FrameType) -> tuple[list[FrameType], list[FrameType]]:
    """The frames between the query and the project's nearest, and those above up to the request."""
    nearest = path.steps[0][1] if path.steps and path.origin is Origin.OWN else None
    below: list[FrameType] = []
    above: list[FrameType] = []
    frames = below
    at: FrameType | None = frame
    for _ in range(_MOST_FRAMES):
        if at is None or at.f_code.co_name in _ENDS:
            break
        if at.f_code is nearest:
            frames = above
        frames.append(at)
        at = at.f_back
    return below, above


def _asked_by(path: CallPath, above: list[FrameType]) -> str | None:
    """Who called the project's function that asks: a template, or the next own line."""
    template = _template_line(above)
    if template is not None:
        return f"asked by {template}"
    _, asking, _ = path.steps[0]
    for _, code, instruction in path.steps[1:]:
        # A comprehension and the function around it are one place.
        if code.co_filename != asking.co_filename or function_name(code) != function_name(asking):
            return f"called from {project_sources().place_of(code, instruction)}"
    return None


def _template_line(frames: list[FrameType]) -> str | None:
    """`name:line` of the template node that was being rendered, where the template has a name."""
    for frame in frames:
        if frame.f_code.co_name == "render_annotated":
            node = frame.f_locals.get("self")
            token, origin = getattr(node, "token", None), getattr(node, "origin", None)
            name = getattr(origin, "template_name", None)
            if token is not None and name:
                return f"{name}:{token.lineno}"
    return None


def _jinja_line(frames: list[FrameType]) -> str | None:
    """`name:line` of a template of Jinja's."""
    for frame in frames:
        template = frame.f_globals.get("__jinja_template__")
        if template is not None and template.name:
            return f"{template.name}:{template.get_corresponding_lineno(frame.f_lineno)}"
    return None


def _advice(path: CallPath, frames: list[FrameType]) -> str | None:
    for frame in frames:
        read = _READERS.get((frame.f_code.co_name, _owner(frame)))
        advice = read(path, frame) if read is not None else None
        if advice is not None:
            return advice
    if path.pattern.kind is Kind.WRITE:
        return _WRITES.get(path.pattern.fingerprint.split(" ", 1)[0].upper())
    for frame in frames:
        queryset = frame.f_locals.get("self")
        if isinstance(queryset, QuerySet):
            return _of_queryset(queryset, {below.f_code.co_name for below in frames})
    return None


def _owner(frame: FrameType) -> str:
    return frame.f_code.co_qualname.rpartition(".")[0]


def _forward(path: CallPath, frame: FrameType) -> str | None:
    field = frame.f_locals["self"].field
    return _select_related(path, frame, field.name, field.related_model)


def _reverse_one_to_one(path: CallPath, frame: FrameType) -> str | None:
    related = frame.f_locals["self"].related
    return _select_related(path, frame, related.get_accessor_name(), related.related_model)


def _select_related(path: CallPath, frame: FrameType, name: str, model: type) -> str:
    """The relation as the query of the rows needs it: `vault__owner` of `item.vault.owner`.

    A row that the same place has fetched along a relation is taken for where this one starts.
    """
    if len(_fetched) >= _MOST_PLACES:
        _fetched.clear()
    here = _fetched.setdefault((path.place, path.key[1:]), {})
    by, relation = here.get(type(frame.f_locals["instance"]), (path, ""))
    if by is not path:
        name = f"{relation}__{name}"
    here.setdefault(model, (path, name))
    return f"select_related({name!r})"


def _deferred(path: CallPath, frame: FrameType) -> str | None:
    return f"load the deferred field {frame.f_locals['self'].field.attname!r} with the rows"


def _generic(path: CallPath, frame: FrameType) -> str | None:
    return f"prefetch_related({frame.f_locals['self'].name!r})"


_Fetched = dict[type, tuple[CallPath, str]]
_fetched: dict[tuple[str | None, tuple[object, ...]], _Fetched] = {}
"""By place and callers: the models that are fetched there row by row, and along which relation."""

_READERS: dict[tuple[str, str], Callable[[CallPath, FrameType], str | None]] = {
    ("__get__", "ForwardManyToOneDescriptor"): _forward,
    ("__get__", "ForwardOneToOneDescriptor"): _forward,
    ("__get__", "ReverseOneToOneDescriptor"): _reverse_one_to_one,
    ("__get__", "DeferredAttribute"): _deferred,
    ("__get__", "GenericForeignKey"): _generic,
}


def _of_queryset(queryset: QuerySet[Any], names: set[str]) -> str | None:
    accessor = _relation_of(queryset)
    if accessor is None:
        model = queryset.model._meta.object_name
        return f"{model}.objects.in_bulk() or one filter(pk__in=…)" if "get" in names else None
    if "count" in names or "get_count" in names:
        return f"annotate(Count({accessor!r})) or prefetch_related({accessor!r})"
    if "aggregate" in names:
        return f"annotate() over {accessor!r}"
    return f"prefetch_related({accessor!r})"


def _relation_of(queryset: QuerySet[Any]) -> str | None:
    """The accessor of the related manager that this queryset came from."""
    relation: Any
    instance = queryset.__dict__.get("_hints", {}).get("instance")
    if not isinstance(instance, Model):
        return None
    by_field = set(getattr(queryset, "_known_related_objects", {}))
    tables = {join.table_name for join in queryset.query.alias_map.values()}
    for relation in instance._meta.get_fields():
        if relation.related_model is not queryset.model:
            continue
        if relation.many_to_many:
            through = getattr(relation, "through", None) or relation.remote_field.through
            if through._meta.db_table in tables:
                return _accessor(relation)
        elif relation.auto_created and getattr(relation, "field", None) in by_field:
            return _accessor(relation)
    return None


def _accessor(relation: Any) -> str:
    is_reverse = hasattr(relation, "get_accessor_name")
    return str(relation.get_accessor_name() if is_reverse else relation.name)
