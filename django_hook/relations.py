"""What to tell of an N+1: what to do about it, and the template line or the caller that asks.

Read from the stack, and only when a finding is made: the few ways that a path asks are remembered.
"""

from __future__ import annotations

from types import FrameType

from django_hook import faults
from django_hook.fixes import Stack, fix_for, what_asks
from django_hook.whereabouts import project_sources
from perfctl.recording.patterns import CallPath, Told
from perfctl.recording.sources import Origin, function_name

_MOST_FRAMES = 200
_MOST_TOLD = 50
_ENDS = frozenset({"thread_handler", "_get_response", "_get_response_async"})

_WHOSE = {
    Origin.LIBRARY: "in a library's code",
    Origin.FRAMEWORK: "in Django's code",
}


def describe(path: CallPath, frame: FrameType) -> Told:
    """What to tell of a path on which an N+1 was found in a request."""
    try:
        asks = what_asks(frame, _nearest(path))
        told = path.told.get(asks)
        if told is None:
            if len(path.told) >= _MOST_TOLD:
                path.told.clear()
            told = path.told[asks] = _tell(path, frame)
    except Exception:
        faults.count("describe")
        return Told(path.place, None)
    return told


def _tell(path: CallPath, frame: FrameType) -> Told:
    stack = _split(frame, _nearest(path))
    place, context = path.place, None
    # The functions of a compiled Jinja template are the project's own, with lines of their own.
    template = _template_line(stack.below) or _jinja_line(stack.above[:1])
    if template is not None:
        place = template
    elif path.origin is Origin.OWN:
        context = _asked_by(path, stack.above)
    else:
        context = _WHOSE.get(path.origin)
    return Told(place, "; ".join(filter(None, (fix_for(path, stack), context))) or None)


def _nearest(path: CallPath) -> object:
    """The project's function that is nearest to the query."""
    return path.steps[0][1] if path.steps and path.origin is Origin.OWN else None


def _split(frame: FrameType, nearest: object) -> Stack:
    stack = Stack([], [])
    frames = stack.below
    at: FrameType | None = frame
    for _ in range(_MOST_FRAMES):
        if at is None or at.f_code.co_name in _ENDS:
            break
        if at.f_code is nearest:
            frames = stack.above
        frames.append(at)
        at = at.f_back
    return stack


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
