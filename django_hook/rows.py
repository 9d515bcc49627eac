"""By which relations an object was reached from the rows of a loop: `item` and `vault` of a share.

What Django has loaded of an object's relations hangs on the object. So the way is looked for from the
objects that stand in the variables of the stack, and of templates, outermost first: those of the loop.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from types import FrameType
from typing import Any, NamedTuple

from django.db.models import Model
from django.template.context import BaseContext

_MOST_STEPS = 3
_MOST_OBJECTS = 2_000


class Step(NamedTuple):
    """One relation of a model."""

    attribute: str
    """As Python and `prefetch_related()` name it."""
    query_name: str
    """As `select_related()`, `filter()` and `Count()` name it."""
    is_many: bool


class Way(NamedTuple):
    """Rows of a model, and the relations that lead on from each of them."""

    model: type[Model]
    steps: tuple[Step, ...] = ()

    def and_then(self, step: Step) -> Way:
        """The same, one relation further."""
        return self._replace(steps=(*self.steps, step))

    @property
    def has_many(self) -> bool:
        """Whether a row leads to several objects."""
        return any(step.is_many for step in self.steps)

    @property
    def attribute(self) -> str:
        """`item__tag_set`, for `prefetch_related()`."""
        return "__".join(step.attribute for step in self.steps)

    @property
    def query_name(self) -> str:
        """`item__tag`, for the other methods of a queryset."""
        return "__".join(step.query_name for step in self.steps)


def step_of(relation: Any) -> Step:
    """The relation that a field is, or that another model's field makes."""
    is_reverse = hasattr(relation, "get_accessor_name")
    attribute = relation.get_accessor_name() if is_reverse else relation.name
    return Step(attribute, relation.name, bool(relation.one_to_many or relation.many_to_many))


def way_to(instance: Model, frames: list[FrameType], asked: Step | None = None) -> Way:
    """The way to an object from the loop's rows; these are its own kind where none is known.

    `frames` are those of the stack, nearest first. No way leads along the relation that is `asked`
    for: a walk through a tree has the steps so far in its variables, and they are not the next ones.
    """
    objects = _Objects(instance, asked)
    for row in _rows_in(frames):
        steps = objects.lead_from(row)
        if steps is not None:
            return Way(type(row), steps)
    return Way(type(instance))


def _rows_in(frames: list[FrameType]) -> Iterator[Model]:
    """The objects in variables, the outermost first. Nothing that is lazy is woken: by type alone."""
    contexts: set[int] = set()
    for frame in reversed(frames):
        for value in list(frame.f_locals.values()):
            if issubclass(type(value), Model):
                yield value
            elif issubclass(type(value), BaseContext) and id(value) not in contexts:
                contexts.add(id(value))
                for variables in value.dicts:
                    yield from (v for v in list(variables.values()) if issubclass(type(v), Model))


class _Objects:
    """Goes through what is loaded, looking for one object."""

    def __init__(self, wanted: Model, asked: Step | None) -> None:
        self._wanted = wanted
        self._barred = (type(wanted), asked)
        self._left = _MOST_OBJECTS

    def lead_from(self, row: Model) -> tuple[Step, ...] | None:
        """The shortest way from a row, None where there is none of a few steps."""
        reached: list[tuple[Model, tuple[Step, ...]]] = [(row, ())]
        seen = {id(row)}
        for at, steps in reached:
            if at is self._wanted:
                return steps
            if len(steps) == _MOST_STEPS:
                continue
            for step, value in _loaded(at):
                if (type(at), step) == self._barred or id(value) in seen or self._left <= 0:
                    continue
                self._left -= 1
                seen.add(id(value))
                reached.append((value, (*steps, step)))
        return None


def _loaded(row: Model) -> Iterator[tuple[Step, Model]]:
    single = vars(row._state).get("fields_cache")
    several = vars(row).get("_prefetched_objects_cache")
    if not single and not several:
        return
    steps = _steps_of(type(row))
    for name, value in list((single or {}).items()):
        if name in steps and issubclass(type(value), Model):
            yield steps[name], value
    for name, found in list((several or {}).items()):
        if name in steps:
            objects = vars(found).get("_result_cache") or ()
            yield from ((steps[name], value) for value in objects if isinstance(value, Model))


@functools.lru_cache(maxsize=1000)
def _steps_of(model: type[Model]) -> dict[str, Step]:
    """The relations of a model, by all names under which Django may keep what it has loaded."""
    relations: Iterator[Any] = filter(_is_known, model._meta.get_fields())
    steps = list(map(step_of, relations))
    return {name: step for step in steps for name in (step.query_name, step.attribute)}


def _is_known(field: Any) -> bool:
    """Whether it leads to one model: not a generic foreign key, not hidden from the other side."""
    return bool(field.is_relation and field.related_model and step_of(field).attribute)
