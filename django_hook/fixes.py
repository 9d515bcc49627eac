"""What would ask for all rows at once, read from Django's own frames on the stack.

A fix names the model whose queryset it belongs to, and is one that Django takes there.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from types import FrameType
from typing import Any, NamedTuple

from django.db.models import Manager, Model, QuerySet
from django.db.models.lookups import Exact

from django_hook.rows import Step, Way, step_of, way_to
from perfctl.recording.fingerprint import Kind
from perfctl.recording.patterns import CallPath

_WRITES = {
    "INSERT": "bulk_create() inserts all rows at once",
    "UPDATE": "bulk_update() or update() changes all rows at once",
    "DELETE": "delete() of one queryset removes all rows at once",
}
_QUERIES = frozenset(
    {"QuerySet._fetch_all", "QuerySet.count", "QuerySet.exists", "QuerySet.aggregate"}
)
# These ask again though the relation has been fetched.
_ASK_AGAIN = frozenset(
    {"get", "first", "last", "earliest", "latest", "contains", "iterator", "in_bulk"}
)


class Stack(NamedTuple):
    """The frames that lead to a query, nearest first."""

    below: list[FrameType]
    """Between the query and the project's nearest."""
    above: list[FrameType]
    """From there up to the request."""

    @property
    def all(self) -> list[FrameType]:
        """Both."""
        return self.below + self.above


def what_asks(frame: FrameType, nearest: object) -> Hashable:
    """Tells apart what asks along one path: a library's line asks for whatever it is given.

    It looks no further than the project's `nearest` function, and takes a few microseconds.
    """
    asking: Hashable = None
    at: FrameType | None = frame
    while at is not None and at.f_code is not nearest:
        name = at.f_code.co_qualname
        if name in _READERS:
            return id(at.f_locals["self"]), type(at.f_locals["instance"])
        if asking is None and name in _QUERIES:
            queryset = at.f_locals["self"]
            asking = queryset.model, type(_row_of(queryset))
        at = at.f_back
    return asking


def fix_for(path: CallPath, stack: Stack) -> str | None:
    """What to do instead of asking row by row; None where nothing is known."""
    for frame in stack.below:
        read = _READERS.get(frame.f_code.co_qualname)
        if read is not None:
            return read(frame, stack)
    if path.pattern.kind is Kind.WRITE:
        return _WRITES.get(path.pattern.fingerprint.split(" ", 1)[0].upper())
    for frame in stack.below:
        queryset = frame.f_locals.get("self")
        if isinstance(queryset, QuerySet):
            return _of_queryset(queryset, stack)
    return None


def _forward(frame: FrameType, stack: Stack) -> str:
    return _fetch_along(frame, stack, step_of(frame.f_locals["self"].field))


def _reverse_one_to_one(frame: FrameType, stack: Stack) -> str:
    return _fetch_along(frame, stack, step_of(frame.f_locals["self"].related))


def _fetch_along(frame: FrameType, stack: Stack, step: Step) -> str:
    way = way_to(frame.f_locals["instance"], stack.all, step).and_then(step)
    if way.has_many:
        return f"prefetch_related({way.attribute!r}){_on(way)}"
    return f"select_related({way.query_name!r}){_on(way)}"


def _deferred(frame: FrameType, stack: Stack) -> str:
    return f"load the deferred field {frame.f_locals['self'].field.attname!r} with the rows"


def _generic(frame: FrameType, stack: Stack) -> str:
    name = frame.f_locals["self"].name
    way = way_to(frame.f_locals["instance"], stack.all).and_then(Step(name, name, is_many=True))
    return f"prefetch_related({way.attribute!r}){_on(way)}"


_READERS: dict[str, Callable[[FrameType, Stack], str]] = {
    "ForwardManyToOneDescriptor.__get__": _forward,
    "ForwardOneToOneDescriptor.__get__": _forward,
    "ReverseOneToOneDescriptor.__get__": _reverse_one_to_one,
    "DeferredAttribute.__get__": _deferred,
    "GenericForeignKey.__get__": _generic,
}


def _on(way: Way) -> str:
    return f" on {way.model._meta.object_name}"


def _of_queryset(queryset: QuerySet[Any], stack: Stack) -> str | None:
    called = {frame.f_code.co_qualname for frame in stack.below}
    names = {name.removeprefix("QuerySet.") for name in called if name.startswith("QuerySet.")}
    row = _row_of(queryset)
    relation = _relation_of(row, queryset) if row is not None else None
    if row is None or relation is None:
        return _of_lookup(queryset, names)
    step = step_of(relation)
    way = way_to(row, stack.all, step)
    if not names.isdisjoint(("count", "exists", "aggregate")):
        # The numbers of a row whose way leads over many objects would be those of all of them.
        way = Way(type(row), (step,)) if way.has_many else way.and_then(step)
        return _of_number(queryset, relation, way, names)
    way = way.and_then(step)
    if _is_narrowed(queryset, relation):
        prefetch = f"prefetch_related(Prefetch({way.attribute!r}, queryset=…))"
        return f"{prefetch}{_on(way)}, read by all(): each filter() asks again"
    fix = f"prefetch_related({way.attribute!r}){_on(way)}"
    if _is_shaped(queryset) or not names.isdisjoint(_ASK_AGAIN):
        fix += ", read by all(): another queryset asks again"
    return fix


def _of_number(queryset: QuerySet[Any], relation: Any, way: Way, names: set[str]) -> str:
    """Of count(), exists() or aggregate(): the number comes with the rows."""
    name, on = way.query_name, _on(way)
    if "aggregate" in names:
        return f"annotate() over {name!r}{on}"
    counts = "exists" not in names
    if _is_narrowed(queryset, relation):
        return f"annotate({f'n=Count({name!r}, filter=…)' if counts else 'found=Exists(…)'}){on}"
    annotate = f"annotate({f'Count({name!r})' if counts else 'found=Exists(…)'})"
    # Django 4.2 counts a many-to-many anew though it has been fetched.
    if relation.many_to_many:
        return f"{annotate}{on}"
    return f"{annotate} or prefetch_related({way.attribute!r}){on}"


def _of_lookup(queryset: QuerySet[Any], names: set[str]) -> str | None:
    """Of a look-up by the value of one field: one for all values."""
    field = _looked_up(queryset)
    if field is None:
        return None
    on = f" on {queryset.model._meta.object_name}"
    find = f"one filter({'pk' if field.primary_key else field.name}__in=…)"
    if "update_or_create" in names:
        return f"bulk_create(update_conflicts=True){on}"
    if "get_or_create" in names:
        return f"{find}{on}, bulk_create() of what is missing"
    return f"in_bulk() or {find}{on}" if field.primary_key and "get" in names else f"{find}{on}"


def _looked_up(queryset: QuerySet[Any]) -> Any:
    """The model's own field whose one value is asked for."""
    conditions = queryset.query.where.children
    if len(conditions) != 1 or not isinstance(conditions[0], Exact):
        return None
    column = conditions[0].lhs
    field = getattr(column, "target", None)
    is_own = getattr(column, "alias", None) == queryset.model._meta.db_table
    return field if is_own and field in queryset.model._meta.local_concrete_fields else None


def _row_of(queryset: QuerySet[Any]) -> Model | None:
    """The object whose related manager this queryset came from."""
    instance = vars(queryset).get("_hints", {}).get("instance")
    return instance if isinstance(instance, Model) else None


def _relation_of(row: Model, queryset: QuerySet[Any]) -> Any:
    """The relation of the row that the queryset follows."""
    relation: Any
    by_field = set(getattr(queryset, "_known_related_objects", {}))
    tables = {join.table_name for join in queryset.query.alias_map.values()}
    for relation in row._meta.get_fields():
        if not relation.is_relation:
            continue
        if relation.many_to_many:
            through = getattr(relation, "through", None) or relation.remote_field.through
            is_asked = queryset.model in (relation.related_model, through)
            if is_asked and through._meta.db_table in tables:
                return relation
        elif relation.auto_created and getattr(relation, "field", None) in by_field:
            return relation
    return None


def _is_narrowed(queryset: QuerySet[Any], relation: Any) -> bool:
    """Whether it is asked for a part of the related objects, or for more than they are.

    A relation has one condition; a manager of the project's may add one, which is not asked.
    """
    query = queryset.query
    manager = type(relation.related_model._default_manager)
    own = manager.get_queryset is not Manager.get_queryset
    return bool(len(query.where.children) > 1 + own or query.annotations or query.distinct)


def _is_shaped(queryset: QuerySet[Any]) -> bool:
    """Whether it is put in another form or order than all() has."""
    query = queryset.query
    is_partial = query.values_select or query.deferred_loading[0] or query.select_related
    return bool(query.order_by or query.is_sliced or is_partial)
