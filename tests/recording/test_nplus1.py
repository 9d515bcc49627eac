"""The rule by itself: what is counted, and from when on it is an N+1."""

from __future__ import annotations

import sys
from types import FrameType

from perfctl.recording.fingerprint import Dialect
from perfctl.recording.nplus1 import THRESHOLD, count_query, findings
from perfctl.recording.patterns import CallPath, PatternBook, Texts
from perfctl.recording.sources import Origin
from perfctl.recording.state import RequestState

CODE = findings.__code__


def path_of(sql: str, instruction: int = 2) -> CallPath:
    """A path to a statement of its own."""
    pattern, _ = Texts(PatternBook(), "default", Dialect.STANDARD).learn(sql)
    return CallPath(pattern, Origin.OWN, [(1, CODE, instruction)])


def count(state: RequestState, path: CallPath, *identities: int) -> list[bool]:
    """Count queries with these parameters."""
    return [count_query(state, path, 1000, i, i, None) for i in identities]


def test_five_times_with_differing_parameters() -> None:
    """The fifth call makes it one; fewer do not."""
    state, path = RequestState(), path_of("SELECT 1")
    assert count(state, path, 1, 2, 3, 4) == [False] * 4
    assert findings(state) == []
    assert count(state, path, 5) == [True]
    (finding,) = findings(state)
    assert (finding.kind, finding.calls, finding.total_us) == ("n", THRESHOLD, 5)


def test_once_described_it_is_only_counted() -> None:
    """Nobody is asked again for what is told already."""
    state, path = RequestState(), path_of("SELECT 1")
    count(state, path, 1, 2, 3, 4, 5)
    path.is_described = True
    assert count(state, path, 6, 7) == [False, False]
    assert findings(state)[0].calls == 7


def test_each_path_is_counted_by_itself() -> None:
    """Three calls here and three there are no N+1."""
    state = RequestState()
    here = path_of("SELECT 1")
    there = CallPath(here.pattern, Origin.OWN, [(1, CODE, 40)])
    count(state, here, 1, 2, 3)
    count(state, there, 4, 5, 6)
    assert findings(state) == []


def test_same_parameters_are_duplicates() -> None:
    """The same again and again is a duplicate, over all paths of the pattern."""
    state = RequestState()
    here = path_of("SELECT 1")
    there = CallPath(here.pattern, Origin.OWN, [(1, CODE, 40)])
    count(state, here, 7, 7, 7, 7, 7, 7)
    count(state, there, 7)
    (finding,) = findings(state)
    assert (finding.kind, finding.calls, finding.total_us) == ("d", 7, 6)


def test_an_n_plus_one_is_not_told_as_duplicate_too() -> None:
    """Of a pattern with an N+1 the duplicates are part of that."""
    state, path = RequestState(), path_of("SELECT 1")
    count(state, path, 1, 2, 1, 2, 1, 2)
    assert [finding.kind for finding in findings(state)] == ["n"]


def test_repeated_writes_are_no_duplicates() -> None:
    """To write the same twice is not to ask the same twice."""
    state, path = RequestState(), path_of("UPDATE t SET a = 1")
    count(state, path, 1, 1, 1)
    assert findings(state) == []


def test_steering_is_no_query() -> None:
    """Savepoints repeat as they like."""
    state, path = RequestState(), path_of("SAVEPOINT x")
    count(state, path, *range(20))
    assert findings(state) == []


def test_costliest_first() -> None:
    """What took longest stands first."""
    state = RequestState()
    cheap, costly = path_of("SELECT 1"), path_of("SELECT a")
    count(state, cheap, 1, 2, 3, 4, 5)
    for i in range(5):
        count_query(state, costly, 9000, 10 + i, 10 + i, None)
    assert [finding.total_us for finding in findings(state)] == [45, 5]


def batch_of(state: RequestState, path: CallPath, *identities: int) -> None:
    """One call of a batch that sends several statements."""
    frame: FrameType = sys._getframe()
    for i in identities:
        count_query(state, path, 1000, i, i, frame)


def test_a_batch_is_one_call() -> None:
    """However many statements a batch sends, it was called once."""
    state, path = RequestState(), path_of("SELECT 1")
    batch_of(state, path, *range(50))
    assert findings(state) == []


def test_a_batch_called_row_by_row() -> None:
    """A batch that is called again and again is an N+1, whatever each call sends."""
    for size in (1, 3):
        state, path = RequestState(), path_of("SELECT 1")
        for row in range(4):
            batch_of(state, path, *range(row * 10, row * 10 + size))
        assert findings(state) == []
        batch_of(state, path, 100)
        assert [finding.calls for finding in findings(state)] == [4 * size + 1]


def test_two_statements_in_one_batch() -> None:
    """Both statements of a batch are counted for each of its calls."""
    state = RequestState()
    paths = [path_of("SELECT 1"), path_of("SELECT a")]

    def both(i: int) -> None:
        for path in paths:
            count_query(state, path, 1000, i, i, sys._getframe())

    for i in range(5):
        both(i)
    assert len(findings(state)) == 2


def test_paths_of_a_request_are_bounded() -> None:
    """A request that asks on thousands of paths keeps a bounded number."""
    state = RequestState()
    pattern = path_of("SELECT 1").pattern
    for i in range(3000):
        count(state, CallPath(pattern, Origin.OWN, [(1, CODE, i * 2)]), i)
    assert state.queries is not None
    assert len(state.queries) == 2001
    assert sum(tally.calls for tally in state.queries.values()) == 3000
