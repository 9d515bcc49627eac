"""Encoders: whatever goes in, what comes out is a line that the reader takes."""

from __future__ import annotations

import json
import zlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from perfctl.model import Flag
from perfctl.recording import check
from perfctl.recording.fingerprint import Kind
from perfctl.recording.nplus1 import Finding, Tally
from perfctl.recording.patterns import CallPath, Pattern
from perfctl.recording.record import (
    Segment,
    encode_counter,
    encode_failure,
    encode_head,
    encode_header,
    encode_pattern,
    encode_request,
)
from perfctl.recording.sources import Origin
from perfctl.recording.state import NULL, CacheUse, Failure, RequestState, Span

TEXT = st.text(max_size=80)
LONG_TEXT = st.text(max_size=2000)
SMALL = st.integers(0, check.MAX_CALLS - 1)
US = st.integers(0, check.MAX_US - 1)
MAYBE = st.one_of(st.just(NULL), US)


def read(line: bytes) -> list[Any]:
    """The record of a line, which is one by its checksum, length and characters."""
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert line.isascii()
    assert len(line) <= check.MAX_LINE_BYTES
    checksum, _, body = line[:-1].partition(b" ")
    assert checksum == b"%08x" % zlib.crc32(body)
    record: list[Any] = json.loads(body)
    return record


def state(**items: Any) -> RequestState:
    """A request that is answered."""
    made = RequestState()
    defaults = {
        "started_ms": 1_700_000_000_000.7,
        "head": encode_head("GET", "/x/"),
        "status": 200,
        "duration_us": 1234,
        "request_id": "0123456789abcdef",
    }
    for name, value in (defaults | items).items():
        setattr(made, name, value)
    return made


def path_of(ordinal: int, alias: str = "default") -> CallPath:
    """A path of a pattern."""
    return CallPath(Pattern(ordinal, alias, "SELECT ?", Kind.READ), Origin.OWN, ())


def tally_of(calls: int, total_us: int) -> Tally:
    """Queries that were counted."""
    tally = Tally(0)
    tally.calls, tally.total_ns, tally.max_ns = calls, total_us * 1000, total_us * 1000
    return tally


def span_of(calls: int) -> Span:
    """Own code that was timed."""
    span = Span()
    span.calls = calls
    return span


def test_a_plain_request() -> None:
    """What has its default at the end is left out."""
    line, ordinals = encode_request(state())
    assert read(line) == [
        "r",
        1_700_000_000_000,
        "GET",
        "/x/",
        200,
        1234,
        None,
        "0123456789abcdef",
        0,
        None,
        None,
        None,
        None,
        None,
        None,
    ]
    assert not ordinals


def test_watched_and_no_query() -> None:
    """Watched without a query is 0; not watched is null."""
    record = read(encode_request(state(watches_queries=True))[0])
    assert record[13:] == [0, 0]


def test_a_request_with_all_items() -> None:
    """Each item stands at its place."""
    use = CacheUse()
    use.hits, use.misses, use.writes, use.total_ns = 3, 2, 1, 9_999
    span = Span()
    span.calls, span.total_ns = 2, 5_000
    line, ordinals = encode_request(
        state(
            flags=int(Flag.ERROR),
            response_bytes=10,
            cpu_us=20,
            queue_us=30,
            rss_kib=40,
            rss_delta_kib=-50,
            has_more=True,
            watches_queries=True,
            user="7",
            lifetime_us=60,
            queries={path_of(4): tally_of(2, 70), path_of(5): tally_of(1, 7)},
            caches={("default", "page"): use},
            test="t.py::t",
            spans={"import": span},
        ),
        [Finding("d", 4, 2, 70, "a.py:1 in f", None)],
    )
    record = read(line)
    assert check.is_request(record)
    assert record[6:] == [
        10,
        "0123456789abcdef",
        int(Flag.ERROR | Flag.DUPLICATES),
        20,
        30,
        40,
        -50,
        3,
        77,
        "7",
        60,
        [[4, 2, 70, 70], [5, 1, 7, 7]],
        [["d", 4, 2, 70, "a.py:1 in f", None]],
        [["default", "page", 3, 2, 1, 9]],
        "t.py::t",
        [["import", 2, 5]],
    ]
    assert set(ordinals) == {4, 5}


def test_paths_of_a_pattern_are_summed() -> None:
    """A pattern stands once, over all its paths."""
    first = path_of(4)
    second = CallPath(first.pattern, Origin.OWN, [(1, read.__code__, 2)])
    queries = {first: tally_of(2, 70), second: tally_of(3, 90)}
    record = read(encode_request(state(has_more=True, queries=queries))[0])
    assert record[17] == [[4, 5, 160, 90]]


def test_at_most_200_patterns() -> None:
    """The costliest stand by themselves, the rest under -1: no call is lost."""
    queries = {path_of(i): tally_of(1, i) for i in range(500)}
    line, ordinals = encode_request(state(has_more=True, queries=queries))
    record = read(line)
    assert check.is_request(record)
    assert len(record[17]) == 200
    assert record[17][0] == [499, 1, 499, 499]
    assert record[17][-1] == [-1, 301, sum(range(301)), 300]
    assert len(ordinals) == 199
    assert sum(use[1] for use in record[17]) == record[13] == 500


def test_patterns_go_first_where_there_is_no_room() -> None:
    """A record that would be too long sums patterns, then caches, and says that it is cut."""
    queries = {path_of(10**6 + i): tally_of(10**6, 10**9) for i in range(200)}
    findings = [Finding("n", 1, 1, 1, "é" * 300, "é" * 100) for _ in range(25)]
    line, ordinals = encode_request(state(has_more=True, queries=queries), findings)
    record = read(line)
    assert check.is_request(record)
    assert Flag.CUT in Flag(record[8])
    assert record[17] == [[-1, check.MAX_CALLS - 1, 200 * 10**9, 10**9]]
    assert len(record[18]) == 25
    assert set(ordinals) == {1}


def test_caches_go_next() -> None:
    """Caches that would be too long are summed by alias."""
    caches = {}
    for i in range(390):
        caches["default", "é" * 40 + str(i)] = use = CacheUse()
        use.hits = 1
    record = read(encode_request(state(has_more=True, caches=caches))[0])
    assert check.is_request(record)
    assert Flag.CUT in Flag(record[8])
    assert record[19] == [["default", "(other)", 390, 0, 0, 0]]


def test_more_caches_than_a_record_takes() -> None:
    """A request that uses more prefixes than the reader takes has them summed."""
    caches = {("default", f"p{i}"): CacheUse() for i in range(500)}
    record = read(encode_request(state(has_more=True, caches=caches))[0])
    assert check.is_request(record)
    assert len(record[19]) == 1


FINDINGS = st.lists(
    st.builds(
        Finding,
        st.sampled_from("nd"),
        st.integers(-1, 2**30),
        SMALL,
        US,
        st.none() | LONG_TEXT,
        st.none() | LONG_TEXT,
    ),
    max_size=60,
)


@given(
    data=st.data(),
    method=TEXT,
    route=LONG_TEXT,
    findings=FINDINGS,
    user=st.none() | TEXT,
    test=st.none() | LONG_TEXT,
    prefixes=st.lists(st.tuples(TEXT, TEXT), max_size=30),
    spans=st.lists(TEXT, max_size=20),
)
def test_any_request_is_a_line_that_the_reader_takes(
    data: Any,
    method: str,
    route: str,
    findings: list[Finding],
    user: str | None,
    test: str | None,
    prefixes: list[tuple[str, str]],
    spans: list[str],
) -> None:
    """Whatever texts and numbers a request has, its line passes the reader's checks."""
    made = state(
        head=encode_head(method, route),
        has_more=True,
        user=user,
        test=test,
        status=data.draw(st.integers(100, 599)),
        duration_us=data.draw(US),
        response_bytes=data.draw(MAYBE),
        cpu_us=data.draw(MAYBE),
        queue_us=data.draw(MAYBE),
        rss_kib=data.draw(st.just(NULL) | st.integers(0, 2**40)),
        rss_delta_kib=data.draw(st.just(NULL) | st.integers(-(2**40), 2**40)),
        lifetime_us=data.draw(st.none() | US),
        caches={pair: CacheUse() for pair in prefixes},
        spans={name: span_of(1) for name in spans},
        queries={path_of(i): tally_of(1 + i, i) for i in range(data.draw(st.integers(0, 300)))},
    )
    line, ordinals = encode_request(made, findings)
    record = read(line)
    assert check.is_request(record)
    uses = record[17] if len(record) > 17 else []
    told = record[18] if len(record) > 18 else []
    assert {use[0] for use in uses} | {f[1] for f in told} <= {*ordinals, -1}


@given(
    kind=TEXT.filter(bool),
    frames=st.lists(st.tuples(LONG_TEXT, SMALL, TEXT), max_size=40),
    message=st.none() | LONG_TEXT,
    agent=st.none() | LONG_TEXT,
    is_handled=st.booleans(),
)
def test_any_failure_is_a_line_that_the_reader_takes(
    kind: str,
    frames: list[tuple[str, int, str]],
    message: str | None,
    agent: str | None,
    is_handled: bool,
) -> None:
    """Whatever an exception is called, its line passes the reader's checks."""
    failure = Failure(1_700_000_000_000, kind, tuple(frames), message, is_handled)
    record = read(encode_failure(state(agent=agent, user="é"), failure))
    assert check.is_error(record)
    assert record[2:6] == ["0123456789abcdef", "GET", "/x/", 200]
    assert len(record[7]) <= 20
    assert record[11] is is_handled


@given(alias=TEXT.filter(bool), fingerprint=st.text(min_size=1, max_size=5000))
def test_any_pattern_is_a_line_that_the_reader_takes(alias: str, fingerprint: str) -> None:
    """A statement of any characters is a line."""
    record = read(encode_pattern(Pattern(3, alias, fingerprint, Kind.READ)))
    assert check.is_pattern(record)


@given(name=TEXT.filter(bool), n=SMALL)
def test_any_counter_is_a_line_that_the_reader_takes(name: str, n: int) -> None:
    """A counter of any name is a line."""
    assert check.is_counter(read(encode_counter(name, n)))


@given(host=TEXT.filter(bool), instance=st.none() | TEXT, release=st.none() | LONG_TEXT)
def test_any_header_is_a_line_that_the_reader_takes(
    host: str, instance: str | None, release: str | None
) -> None:
    """A header of any host and release is a line."""
    header = check.header(
        read(encode_header(Segment(host, instance, 1, release, "prod", "live", 1_700_000_000_000)))
    )
    assert header is not None
    assert (header.pid, header.environment, header.source) == (1, "prod", "live")


def test_lone_surrogates_are_replaced() -> None:
    """What is no character by itself could not be stored."""
    assert read(encode_counter("a\ud800b", 1))[1] == "a?b"
