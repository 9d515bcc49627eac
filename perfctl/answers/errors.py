"""`errors`: groups of errors by fingerprint, and one group from all sides."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NamedTuple

from perfctl.answers.answer import Answer, Question, answer, has_requests
from perfctl.errors import NoDataError, UsageError
from perfctl.model import HOUR_MS, Window
from perfctl.store import error_groups, error_status
from perfctl.store.error_groups import Group, Occurred, Occurrence, Selection, Share
from perfctl.store.error_status import Event
from perfctl.store.errors import GroupStatus
from perfctl.units import iso_utc

POINTS = 24
WANT_SOMEBODY = frozenset({GroupStatus.OPEN, GroupStatus.REGRESSED})


class Context(NamedTuple):
    """Where a group occurred last."""

    route: str | None
    method: str | None
    status: int | None


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """One group: what the window holds of it, and how it stands."""

    id: str
    source: str
    type: str
    message: str | None
    """Only where the project has asked for messages."""
    location: str | None
    context: Context
    user_agent: str | None
    count: int
    total: int
    """Also before the window."""
    users: int
    """Different ones, as far as they are known."""
    first_seen: str
    last_seen: str
    first_release: str | None
    release: str | None
    """Of the last occurrence."""
    status: str
    resolved_at: str | None
    resolved_by: str | None
    ignored_until: str | None
    ignored_until_count: int | None
    """The total at which it is open again."""
    trend: list[int]


class Wanted(NamedTuple):
    """Which groups are asked for."""

    statuses: Collection[str] = ()
    """None is all."""
    route: str | None = None
    is_new: bool = False
    """First seen within the window."""
    source: str | None = None
    """None is all but those of tests."""


ANY = Wanted()


def list_errors(question: Question, wanted: Wanted = ANY) -> Answer:
    """The groups of the window: those that want somebody first, then by how often they occurred."""
    filters, window = question.filters, question.window
    selection = Selection(
        *window,
        source=wanted.source,
        host=filters.host,
        release=filters.release,
        environment=filters.environment,
        route=wanted.route,
    )
    known = error_groups.by_id(question.con, question.now_ms)
    trends = _trends(question.con, selection)
    rows = [
        _group(known[found.group_id], found, trends[found.group_id])
        for found in error_groups.occurred(question.con, selection)
        if _is_wanted(known[found.group_id], wanted, window)
    ]
    rows.sort(key=lambda row: (row.status not in WANT_SOMEBODY, -row.count, row.type, row.id))
    return answer(question, "errors", {"groups": rows}, sum(row.count for row in rows))


def has_open(found: Answer) -> bool:
    """Whether a group of the answer is open or regressed."""
    return any(row.status in WANT_SOMEBODY for row in found.data["groups"])


def was_never_fed(question: Question) -> bool:
    """Whether nothing was ever recorded: that no errors are found says nothing then."""
    return not has_requests(question.con) and not error_groups.types_by_id(question.con)


def _is_wanted(group: Group, wanted: Wanted, window: Window) -> bool:
    return (not wanted.statuses or group.status in wanted.statuses) and (
        not wanted.is_new or group.first_seen_ms >= window.since_ms
    )


def _trends(con: sqlite3.Connection, selection: Selection) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    width_ms = _slice_ms(selection)
    for group_id, index, count in error_groups.series(con, selection, width_ms):
        found.setdefault(group_id, [0] * POINTS)[index] = count
    return found


def _slice_ms(selection: Selection) -> int:
    return max(1, -(-(selection.until_ms - selection.since_ms) // POINTS))


def _group(group: Group, found: Occurred, trend: list[int]) -> ErrorGroup:
    return ErrorGroup(
        id=group.id,
        source=group.source,
        type=group.type,
        message=group.message,
        location=group.location,
        context=Context(found.route, found.method, found.status),
        user_agent=found.agent,
        count=found.occurrences,
        total=group.total,
        users=found.users,
        first_seen=iso_utc(group.first_seen_ms),
        last_seen=iso_utc(group.last_seen_ms),
        first_release=group.first_release,
        release=found.release,
        status=group.status,
        resolved_at=_iso(group.resolved_ms),
        resolved_by=group.resolved_by,
        ignored_until=_iso(group.ignore_until_ms),
        ignored_until_count=group.ignore_until_count,
        trend=trend,
    )


class FrameRow(NamedTuple):
    """A line of the project's own code that the error passed."""

    file: str
    line: int
    function: str


class OccurrenceRow(NamedTuple):
    """One occurrence; duration and queries are those of its request, null where it is not kept."""

    at: str
    request_id: str | None
    host: str
    release: str | None
    method: str | None
    route: str | None
    status: int | None
    user_agent: str | None
    user: str | None
    handled: bool
    message: str | None
    duration_ms: float | None
    queries: int | None


@dataclass(frozen=True, slots=True)
class ShareRow:
    """The occurrences that have a release, a user agent, a host or a route in common."""

    name: str | None
    count: int
    users: int
    first_seen: str
    last_seen: str


@dataclass(frozen=True, slots=True)
class Slice:
    """How often the group occurred from a moment on, up to that of the next slice."""

    since: str
    count: int


class EventRow(NamedTuple):
    """A step in the life of the group; without an actor it happened by itself."""

    at: str
    event: str
    actor: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """One group from all sides."""

    group: ErrorGroup
    occurrences: list[OccurrenceRow]
    frames: list[FrameRow]
    timeline: list[Slice]
    releases: list[ShareRow]
    user_agents: list[ShareRow]
    routes: list[ShareRow]
    hosts: list[ShareRow]
    history: list[EventRow]


def show_error(
    question: Question, said: str, *, most: int = 10, whole_life: bool = False
) -> Answer:
    """One group; `whole_life` begins the window where the group does."""
    con, filters = question.con, question.filters
    (group_id,) = find_ids(con, [said])
    group = error_groups.find(con, group_id, question.now_ms)
    assert group is not None  # noqa: S101  # found in the same snapshot
    if whole_life:
        question = question._replace(window=_life(question.window, group))
    selection = Selection(
        *question.window,
        source=group.source,
        host=filters.host,
        release=filters.release,
        environment=filters.environment,
        group_id=group_id,
    )
    found = error_groups.occurred(con, selection)
    none = Occurred(group_id, 0, 0, 0, None, None, None, None, None)
    trend = _trends(con, selection).get(group_id, [0] * POINTS)
    detail = ErrorDetail(
        group=_group(group, found[0] if found else none, trend),
        occurrences=[
            _occurrence(row) for row in error_groups.occurrences(con, selection, most or -1)
        ],
        frames=[FrameRow(*frame) for frame in json.loads(group.frames)],
        timeline=_timeline(selection, trend),
        releases=_shares(con, selection, "release"),
        user_agents=_shares(con, selection, "agent"),
        routes=_shares(con, selection, "route"),
        hosts=_shares(con, selection, "host"),
        history=[_event(event) for event in error_status.history(con, group_id)],
    )
    return answer(question, "errors.show", detail, detail.group.count)


def find_ids(con: sqlite3.Connection, said: Sequence[str]) -> list[str]:
    """The whole ids of groups named by the begin of theirs; UsageError unless each names one."""
    known = error_groups.types_by_id(con)
    if not known and not has_requests(con):
        raise NoDataError("nothing is recorded yet, and no error", "perfctl doctor")
    return list(dict.fromkeys(_find_id(known, text.strip().lower()) for text in said))


def _find_id(known: Mapping[str, str], said: str) -> str:
    fitting = [group_id for group_id in known if said and group_id.startswith(said)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UsageError(f"{said!r} begins {len(fitting)} groups", _name(known, fitting))
    of_type = [group_id for group_id, kind in known.items() if said and said in kind.lower()]
    near = of_type or get_close_matches(said, known, n=1, cutoff=0.0)
    hint = f"did you mean {_name(known, near)}?" if near else "no error is recorded"
    raise UsageError(f"there is no group of errors {said!r}", hint)


def _name(known: Mapping[str, str], ids: Sequence[str]) -> str:
    return ", ".join(f"{group_id} ({known[group_id]})" for group_id in ids[:3])


def _life(window: Window, group: Group) -> Window:
    """From the group's first occurrence on, but at least an hour, and no more than was asked."""
    begin_ms = min(group.first_seen_ms, window.until_ms - HOUR_MS)
    return Window(max(window.since_ms, begin_ms), window.until_ms)


def _timeline(selection: Selection, trend: list[int]) -> list[Slice]:
    width_ms = _slice_ms(selection)
    return [
        Slice(iso_utc(selection.since_ms + index * width_ms), count)
        for index, count in enumerate(trend)
    ]


def _shares(con: sqlite3.Connection, selection: Selection, kind: str) -> list[ShareRow]:
    return [_share(row) for row in error_groups.shares(con, selection, kind)]


def _share(row: Share) -> ShareRow:
    return ShareRow(
        row.name, row.occurrences, row.users, iso_utc(row.first_ms), iso_utc(row.last_ms)
    )


def _occurrence(row: Occurrence) -> OccurrenceRow:
    return OccurrenceRow(
        at=iso_utc(row.at_ms),
        request_id=row.request_id,
        host=row.host,
        release=row.release,
        method=row.method,
        route=row.route,
        status=row.status,
        user_agent=row.agent,
        user=row.user,
        handled=bool(row.handled),
        message=row.message,
        duration_ms=None if row.duration_us is None else row.duration_us / 1000,
        queries=row.queries,
    )


def _event(event: Event) -> EventRow:
    return EventRow(iso_utc(event.at_ms), event.event, event.actor, event.note)


def _iso(at_ms: int | None) -> str | None:
    return None if at_ms is None else iso_utc(at_ms)
