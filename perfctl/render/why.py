"""`why`: the change in a line, the suspects with what speaks for and against them, and the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from perfctl.answers.answer import Answer
from perfctl.answers.measures import MEASURES
from perfctl.answers.why import CANNOT_TELL, FOUND, NO_CHANGE, name_suspect
from perfctl.console import Console
from perfctl.render.glyphs import pad, width, wrap
from perfctl.render.style import paint
from perfctl.render.text import about, cut, flow, footer, heading, join, notes
from perfctl.render.values import say_count, say_moment
from perfctl.units import local_zone, parse_moment
from perfctl.visible import visible

Shown = Mapping[str, Any]

_PROOF = "It fits in time and figures; that is no proof."
_NOTHING = (
    "Nothing that perfctl knows of fits: look at what it does not see, such as the data, settings, "
    "other services."
)
_FOR, _AGAINST = "+", "−"
_TITLE = 11


def render(answer: Answer, console: Console, *, store: str, limit: int | None = None) -> str:
    """What changed, why it may have, and why not."""
    data = answer.data
    subject: Shown = data["subject"]
    name = f"alert {subject['alert']}: {subject['name']}" if subject["alert"] else subject["name"]
    pieces = [say_count(answer.coverage.samples, "sample"), *about(answer)]
    blocks = [heading(f"Why {name}", pieces, console)]
    if data["change"] is None:
        others = "\n".join(_say_others(data["other_changes"], console))
        return join(*blocks, *_say_none(data, answer, console), others, notes(answer, console))
    suspects: Sequence[Shown] = data["suspects"]
    shown = cut(suspects, limit)
    lists = [("not it", data["cleared"]), ("cannot tell", data["unknown"])]
    end = _PROOF if data["verdict"] == FOUND else _NOTHING
    for lines in (
        _say_change(data["change"], console),
        _lines(shown, console),
        filter(None, [footer(len(shown), len(suspects), "suspects", console)]),
        (_list(title, items, console) for title, items in lists if items),
        _say_others(data["other_changes"], console),
        (paint(line, "dim", console) for line in wrap(end, console.width)),
    ):
        text = "\n".join(lines)
        blocks += [f"\n{text}"] if text else []
    return join(*blocks, notes(answer, console))


def _say_none(data: Shown, answer: Answer, console: Console) -> Iterator[str]:
    if data["verdict"] == NO_CHANGE and data["other_changes"]:
        said = "It did not turn for the worse before the alert began."
    elif data["verdict"] == NO_CHANGE:
        said = "It did not change in this window: what differs is within its usual noise."
    elif data["verdict"] == CANNOT_TELL and not answer.coverage.samples:
        said = "Nothing of it was measured in this window."
    else:
        said = "Cannot tell whether it changed."
    yield from wrap(said, console.width)


def _say_change(change: Shown, console: Console) -> Iterator[str]:
    before, after = (_value(change, key) for key in ("from", "to"))
    ratio = "" if change["ratio"] is None else f" (×{change['ratio']:.2f})"
    samples = change["samples"]
    style = "bold red" if change["is_worse"] else "bold green"
    line = f"{change['metric']} {before} → {after}{ratio}"
    yield paint(line, style, console)
    at = say_moment(change["at"])
    edges = [say_moment(change["interval"][key]) for key in ("since", "until")]
    since, until = (edge.removeprefix(f"{at[:10]} ") for edge in edges)
    zone = local_zone(parse_moment(change["at"], 0))
    sure = "as the alert says" if change["is_assumed"] else "95 %"
    said = f"at {at} {zone} ({sure}: {since} – {until})"
    counts = f"{samples['before']:,} before, {samples['after']:,} after"
    others = change.get("other_routes")
    scope = f"{others['moved']} of {others['of']} other routes moved with it" if others else ""
    yield from flow(filter(None, (said, counts, scope)), console.width, " · ")


def _value(change: Shown, key: str) -> str:
    return MEASURES[change["metric"]].say(change[key])


def _lines(suspects: Sequence[Shown], console: Console) -> Iterator[str]:
    """Suspects by number; what is a part of another stands below it, further in."""
    number = 0
    for suspect in suspects:
        is_part = suspect["under"] is not None
        if not is_part:
            number += 1
        left = "   " if is_part else f"{number:>2} "
        title = name_suspect(suspect)
        score = f"{suspect['score']:.2f}"
        yield from _hang(
            f"{left}{score}  ", title, "bold" if suspect["score"] >= 0.5 else "", console
        )
        indent = " " * (width(left) + len(score) + 2)
        shared = [suspect["what"], *_evidence_of(suspects, suspect["under"])]
        for mark, texts, style in (
            (_FOR, suspect["for"], "green"),
            (_AGAINST, suspect["against"], "yellow"),
        ):
            for text in texts:
                if text not in shared:
                    yield from _hang(f"{indent}{mark} ", text, style, console)


def _evidence_of(suspects: Iterable[Shown], name: str | None) -> list[str]:
    """What speaks for the whole is not said again of its parts."""
    if name is None:
        return []
    whole = [suspect for suspect in suspects if suspect["what"] == name]
    return [text for suspect in whole for text in (*suspect["for"], *suspect["against"])]


def _hang(left: str, text: str, style: str, console: Console) -> Iterator[str]:
    room = None if console.width is None else max(1, console.width - width(left))
    first, *rest = wrap(visible(text), room)
    yield left + paint(first, style, console)
    yield from (" " * width(left) + paint(line, style, console) for line in rest)


def _list(title: str, items: Sequence[Shown], console: Console) -> str:
    """The items side by side, each text once, broken only between them."""
    left = pad(title, _TITLE) + "  "
    room = None if console.width is None else max(1, console.width - width(left))
    lines = flow(dict.fromkeys(item["what"] for item in items), room, " · ")
    return "\n".join((left if i == 0 else " " * width(left)) + line for i, line in enumerate(lines))


def _say_others(others: Sequence[Shown], console: Console) -> Iterator[str]:
    said = [
        f"{say_moment(change['at'])} {_value(change, 'from')} → {_value(change, 'to')}"
        for change in others
    ]
    if said:
        yield _list("also", [{"what": text} for text in said], console)
