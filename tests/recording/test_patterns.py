"""Query patterns: one ordinal each, bounded."""

from __future__ import annotations

from perfctl.recording import patterns
from perfctl.recording.fingerprint import Dialect, Kind
from perfctl.recording.patterns import OTHER_ORDINAL, CallPath, PatternBook, Texts
from perfctl.recording.sources import Origin


def texts(book: PatternBook, alias: str = "default") -> Texts:
    """What finds patterns of a database."""
    return Texts(book, alias, Dialect.STANDARD)


def test_same_shape_is_one_pattern() -> None:
    """Texts that differ in values only share an ordinal."""
    known = texts(PatternBook())
    first, _ = known.learn("SELECT a FROM t WHERE b = 1")
    second, _ = known.learn("SELECT a FROM t WHERE b = 2")
    other, _ = known.learn("SELECT c FROM t")
    assert first is second
    assert (first.ordinal, other.ordinal) == (0, 1)


def test_a_database_has_patterns_of_its_own() -> None:
    """The same statement on two databases is two patterns."""
    book = PatternBook()
    first, _ = texts(book).learn("SELECT 1")
    second, _ = texts(book, "replica").learn("SELECT 1")
    assert first.ordinal != second.ordinal
    assert (first.alias, second.alias) == ("default", "replica")
    assert book[second.ordinal] is second


def test_a_known_text_is_found_at_once() -> None:
    """A text is read once."""
    known = texts(PatternBook())
    pattern, _ = known.learn("SELECT 1")
    assert known.get("SELECT 1") is pattern


def test_comments_take_no_room() -> None:
    """Statements that differ in a comment are known by what is left."""
    known = texts(PatternBook())
    for i in range(100):
        _, text = known.learn(f"SELECT a /* trace {i} */ FROM t")
    assert text == "SELECT a   FROM t"
    assert len(known.known) == 1


def test_texts_are_bounded() -> None:
    """Raw SQL with values in it does not fill the memory; long texts are known by their hash."""
    known = texts(PatternBook())
    for i in range(patterns._MOST_TEXTS + 10):
        known.learn(f"SELECT a FROM t WHERE b = {i}")
    assert len(known.known) <= patterns._MOST_TEXTS
    long = f"SELECT a FROM t WHERE b IN ({','.join(map(str, range(3000)))})"
    pattern, _ = known.learn(long)
    assert long not in known.known
    assert known.learn(long)[0] is pattern


def test_patterns_are_bounded(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """What comes after the bound is `(other)`, which is judged by nothing."""
    monkeypatch.setattr(patterns, "_MOST_PATTERNS", 3)
    known = texts(PatternBook())
    found = [known.learn(f"SELECT {letter} FROM t")[0] for letter in "abcde"]
    assert [pattern.ordinal for pattern in found] == [0, 1, 2, OTHER_ORDINAL, OTHER_ORDINAL]
    assert found[3] is found[4]
    assert found[3].kind is Kind.CONTROL


def test_paths_are_bounded() -> None:
    """A pattern remembers a few paths, the last ones first."""
    pattern, _ = texts(PatternBook()).learn("SELECT 1")
    code = test_paths_are_bounded.__code__
    for i in range(200):
        path = CallPath(pattern, Origin.OWN, [(1, code, i * 2)])
        assert pattern.keep(path).key == path.key
    assert len(pattern.paths) <= patterns._MOST_PATHS
    assert len(pattern.recent) == patterns._RECENT_PATHS
