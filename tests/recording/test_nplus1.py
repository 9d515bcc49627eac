"""The rule by itself: what is counted, and from when on it is an N+1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from perfctl.recording import nplus1
from perfctl.recording.fingerprint import Dialect
from perfctl.recording.nplus1 import THRESHOLD, Finding, findings, make_observer
from perfctl.recording.patterns import CallPath, PatternBook, Texts, Told
from perfctl.recording.sources import Mark, Origin, SourceMap
from perfctl.recording.stack import PathReader
from perfctl.recording.state import RequestState

GET = "SELECT a FROM t WHERE id = %s"


class Database:
    """Observes statements as the wrapper of a connection does; tests are the project's code."""

    def __init__(self, alias: str = "default") -> None:
        self.state = RequestState()
        self.described: list[CallPath] = []
        self.book = PatternBook()
        sources = SourceMap(roots={nplus1.__file__.rpartition("/")[0]: Origin.SKIPPED})
        texts = Texts(self.book, alias, Dialect.STANDARD)
        self._observe = make_observer(texts, PathReader(sources), self._describe)

    def _describe(self, path: CallPath, frame: Any) -> Told:
        self.described.append(path)
        return Told(path.place, None)

    def execute(self, sql: Any, params: Any = (), many: bool = False, took_ns: int = 1000) -> None:
        """A statement that took that long."""
        self._observe(self.state, sql, params, many, took_ns)

    @property
    def findings(self) -> list[Finding]:
        """What was found so far."""
        return findings(self.state)

    @property
    def kinds(self) -> list[str]:
        """The kinds of what was found so far."""
        return [finding.kind for finding in self.findings]


@pytest.fixture
def db() -> Database:
    """A database of this test alone."""
    return Database()


def test_five_times_with_differing_parameters(db: Database) -> None:
    """The fifth call makes it one; fewer do not."""
    for pk in range(THRESHOLD):
        assert db.findings == []
        db.execute(GET, (pk,))
    (finding,) = db.findings
    assert (finding.kind, finding.calls, finding.total_us) == ("n", THRESHOLD, 5)
    assert finding.place is not None
    assert finding.place.endswith("in Database.execute")


def test_described_once_a_request(db: Database) -> None:
    """Another request may ask for other rows along the same path; within one it is asked once."""
    for n in range(1, 4):
        db.state = RequestState()
        for pk in range(9):
            db.execute(GET, (pk,))
        assert [finding.calls for finding in db.findings] == [9]
        assert len(db.described) == n


def test_each_line_is_counted_by_itself(db: Database) -> None:
    """Three calls here and three there are no N+1."""
    for pk in range(3):
        db.execute(GET, (pk,))
    for pk in range(10, 13):
        db.execute(GET, (pk,))
    assert db.findings == []


def test_the_first_call_belongs_to_its_own_line(db: Database) -> None:
    """One call elsewhere and four in a loop are not five."""
    db.execute(GET, (100,))
    for pk in range(4):
        db.execute(GET, (pk,))
    assert db.findings == []


def test_a_helper_is_told_apart_by_who_calls(db: Database) -> None:
    """The same line of a helper, called on other lines, is another path."""

    def helper(pk: int) -> None:
        db.execute(GET, (pk,))

    helper(1)
    helper(2)
    helper(3)
    helper(4)
    helper(5)
    helper(6)
    assert db.findings == []


def test_in_the_middle_of_the_path(db: Database) -> None:
    """Paths that begin and end alike differ in between."""

    def helper(pk: int) -> None:
        db.execute(GET, (pk,))

    def between() -> None:
        helper(1)
        helper(2)
        helper(3)
        helper(4)
        helper(5)
        helper(6)

    for _ in range(3):
        db.state = RequestState()
        between()
        assert db.findings == []


def test_recursion_is_one_path(db: Database) -> None:
    """How deep a recursion is makes no difference."""

    def walk(depth: int) -> None:
        db.execute(GET, (depth,))
        if depth:
            walk(depth - 1)

    walk(9)
    assert [(finding.calls, finding.total_us) for finding in db.findings] == [(10, 10)]


def test_a_recursion_in_a_comprehension_is_one_path(db: Database) -> None:
    """Its line asks and calls deeper in one expression."""

    def below(depth: int) -> list[int]:
        db.execute(GET, (depth,))
        return list(range(depth - 1, max(0, depth) - 2, -1)) if depth else []

    def walk(depth: int) -> Any:
        return [walk(other) for other in below(depth)]

    walk(9)
    assert [finding.calls for finding in db.findings] == [10]


def test_a_recursion_over_two_functions_is_one_path(db: Database) -> None:
    """The call that began it counts among the others."""

    def branch(depth: int) -> None:
        for _ in [0]:
            leaf(depth - 1)

    def leaf(depth: int) -> None:
        db.execute(GET, (depth,))
        if depth:
            branch(depth)

    leaf(9)
    assert [finding.calls for finding in db.findings] == [10]


def test_a_call_from_elsewhere_does_not_begin_a_recursion(db: Database) -> None:
    """It has its own line, which calls no deeper."""

    def walk(depth: int) -> None:
        db.execute(GET, (depth,))
        if depth:
            walk(depth - 1)

    walk(0)
    walk(9)
    assert [finding.calls for finding in db.findings] == [10]


def test_same_parameters_are_duplicates(db: Database) -> None:
    """The same again and again is a duplicate, over all lines."""
    for _ in range(6):
        db.execute(GET, (7,))
    db.execute(GET, (7,))
    (finding,) = db.findings
    assert (finding.kind, finding.calls, finding.total_us) == ("d", 7, 6)


def test_an_n_plus_one_is_not_told_as_duplicate_too(db: Database) -> None:
    """Of a pattern with an N+1 the duplicates are part of that."""
    for pk in (1, 2, 1, 2, 1, 2):
        db.execute(GET, (pk,))
    assert db.kinds == ["n"]


@pytest.mark.parametrize(
    "params",
    [
        lambda pk: (pk,),
        lambda pk: [pk],
        lambda pk: {"pk": pk},
        lambda pk: ([pk], 1),
        lambda pk: [{"json": pk}],
    ],
    ids=["tuple", "list", "dict", "tuple of lists", "list of dicts"],
)
def test_parameters_of_any_kind(db: Database, params: Callable[[int], Any]) -> None:
    """Whether they can be hashed or not, parameters are told apart and known again."""
    for _ in range(5):
        db.execute(GET, params(1))
    assert db.kinds == ["d"]
    db.state = RequestState()
    for pk in range(5):
        db.execute(GET, params(pk))
    assert db.kinds == ["n"]


def test_two_databases(db: Database) -> None:
    """The same statement on another database is not the same again."""
    replica = Database("replica")
    replica.state = db.state
    db.execute(GET, (1,))
    replica.execute(GET, (1,))
    assert db.findings == []


def test_a_list_that_is_changed_in_place(db: Database) -> None:
    """Parameters are compared as they were when they were sent."""
    params = [0]
    for pk in range(5):
        params[0] = pk
        db.execute(GET, params)
    assert db.kinds == ["n"]


def test_a_literal_counts_as_a_parameter(db: Database) -> None:
    """A value in the text differs as a parameter does."""
    for pk in range(5):
        db.execute(f"SELECT a FROM t WHERE id = {pk}", None)
    assert db.kinds == ["n"]


def test_a_comment_does_not(db: Database) -> None:
    """A comment makes no other statement."""
    for trace in range(5):
        db.execute(f"SELECT a FROM t /* trace {trace} */", None)
    assert db.kinds == ["d"]


def test_pages_of_one_result(db: Database) -> None:
    """To read page after page is neither an N+1 nor a duplicate."""
    for page in range(9):
        db.execute(f"SELECT a FROM t WHERE b = %s LIMIT 10 OFFSET {page * 10}", (1,))
    assert db.findings == []


def test_many_rows_at_once(db: Database) -> None:
    """Rows may come as an iterator: it is not read, and no two are taken for the same."""
    for _ in range(5):
        rows = iter([(1,), (2,)])
        db.execute("INSERT INTO t VALUES (%s)", rows, many=True)
        assert len(list(rows)) == 2
    assert db.kinds == ["n"]


def test_repeated_writes_are_no_duplicates(db: Database) -> None:
    """To write the same twice is not to ask the same twice."""
    for _ in range(3):
        db.execute("UPDATE t SET a = 1", None)
    assert db.findings == []


def test_steering_is_no_query(db: Database) -> None:
    """Savepoints repeat as they like."""
    for i in range(20):
        db.execute(f'SAVEPOINT "s{i}"', None)
    assert db.findings == []


def test_costliest_first(db: Database) -> None:
    """What took longest stands first."""
    for pk in range(5):
        db.execute(GET, (pk,))
        db.execute("SELECT b FROM t WHERE id = %s", (pk,), took_ns=9000)
    assert [finding.total_us for finding in db.findings] == [45, 5]


class Composed:
    """A statement that a driver composes; it has no hash."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, text: str) -> None:
        self.text = text

    def as_string(self, context: object) -> str:
        if context is None:
            return self.text
        raise TypeError


@pytest.mark.parametrize("kind", [str.encode, Composed])
def test_statements_that_are_no_text(db: Database, kind: Callable[[str], Any]) -> None:
    """Bytes and composed statements are read as the text that they are."""
    for pk in range(5):
        db.execute(kind(GET), (pk,))
    assert db.kinds == ["n"]
    assert db.book[0].fingerprint == "SELECT a FROM t WHERE id = ?"


def test_paths_of_a_request_are_bounded(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that asks on thousands of paths keeps a bounded number, and all its calls."""
    monkeypatch.setattr(nplus1, "_MOST_PATHS", 3)
    for sql in ("SELECT a", "SELECT b", "SELECT c", "SELECT d", "SELECT e"):
        db.execute(sql, None)
        db.execute(sql, None)
    tallies = db.state.queries
    assert tallies is not None
    assert len(tallies) == 3 + 4  # three paths, then one for each pattern
    assert sum(tally.calls for tally in tallies.values()) == 10


class Batches(Database):
    """The same, where `batch` is a function that sends several statements for one call."""

    def __init__(self) -> None:
        super().__init__()
        marks = {__file__: {"batch": Mark.BATCH}}
        sources = SourceMap(roots={nplus1.__file__.rpartition("/")[0]: Origin.SKIPPED}, marks=marks)
        texts = Texts(self.book, "default", Dialect.STANDARD)
        self._observe = make_observer(texts, PathReader(sources), self._describe)

    def batch(self, *statements: tuple[str, int]) -> None:
        """Statements for one call."""
        for sql, pk in statements:
            self.execute(sql, (pk,))


def test_a_batch_is_one_call() -> None:
    """However many statements a batch sends, it was called once."""
    db = Batches()
    db.batch(*[(GET, pk) for pk in range(50)])
    assert db.findings == []


@pytest.mark.parametrize("size", [1, 3])
def test_a_batch_called_row_by_row(size: int) -> None:
    """A batch that is called again and again is an N+1, whatever each call sends."""
    db = Batches()
    for row in range(THRESHOLD):
        assert db.findings == []
        db.batch(*[(GET, row * 10 + i) for i in range(size)])
    assert [finding.calls for finding in db.findings] == [THRESHOLD * size]


def test_two_statements_in_one_batch() -> None:
    """Both statements of a batch are counted for each of its calls."""
    db = Batches()
    for row in range(5):
        db.batch((GET, row), ("UPDATE t SET a = 1 WHERE id = %s", row))
    assert db.kinds == ["n", "n"]
