"""Counts that threads add to without a lock."""

from __future__ import annotations

from perfctl.spool.counts import Counts


def test_counts_are_summed_by_name() -> None:
    """And forgotten once they are taken."""
    counts = Counts()
    counts.add("a")
    counts.add("b", 2)
    counts.add("a", 3)
    assert counts.total() == {"a": 4, "b": 2}
    assert counts.take() == {"a": 4, "b": 2}
    assert counts.take() == counts.total() == {}
    assert not counts.parts


def test_what_another_thread_holds_is_not_lost() -> None:
    """It took a part, and gives it back after others have begun one."""
    counts = Counts()
    counts.add("a")
    held = counts.parts.pop()
    counts.add("a", 2)
    counts.parts.append(held)
    counts.add("b")
    assert counts.total() == counts.take() == {"a": 3, "b": 1}
