"""A user is taken out of what is read of a segment; every line keeps its length and its checksum."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfctl.recording import check
from perfctl.spool.reader import decode_lines
from perfctl.spool.scrub import scrub, without
from tests.answers.test_errors import error
from tests.segments import header, line, request

USER = "canary"
RECORDS: list[list[Any]] = [
    header(),
    request(user=USER),
    request(user="other"),
    error(user=USER),
    error(),
    ["p", 0, "default", "SELECT 1"],
]


def records(data: bytes) -> list[Any]:
    """What a reader makes of it; nothing is torn."""
    found, torn, invalid, _ = decode_lines(data)
    assert (torn, invalid) == (0, 0)
    return found


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=200))
def test_a_line_keeps_its_length_and_its_checksum(user: str) -> None:
    """Whatever the identifier; what is left is a valid record of nobody."""
    cases = ((request(user=user), 15, check.is_request), (error(user=user), 10, check.is_error))
    for record, at, is_valid in cases:
        before = line(record)

        after = without(before, [user])

        assert len(after) == len(before)
        (found,) = records(after)
        assert is_valid(found)
        assert found == [*record[:at], "", *record[at + 1 :]]


def test_other_lines_stay_as_they_are(tmp_path: Path) -> None:
    """Of other users and of none, of other kinds, and all that is not read yet."""
    path = tmp_path / "4711-0123456789abcdef.spool"
    lines = [line(record) for record in RECORDS]
    path.write_bytes(b"".join(lines) + line(request(user=USER)))

    done = scrub(path, sum(map(len, lines)), [USER])

    assert done == (2, True)
    found = records(path.read_bytes())
    assert [found[1][15], found[3][10], found[6][15]] == ["", "", USER]
    assert [found[i] for i in (0, 2, 4, 5)] == [RECORDS[i] for i in (0, 2, 4, 5)]
    assert scrub(path, path.stat().st_size, [USER]) == (1, False)
    assert USER.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    "torn",
    [
        line(request(user=USER))[:90] + b'"canary",nul\n',
        b'!\x00\xff"canary"\n',
        b'00000000 ["r", ["canary"\n',
        # not ASCII, as the format asks: ours would be longer
        b"00000000 " + json.dumps(request(user=USER, route="é" * 60), ensure_ascii=False).encode()
        + b"\n",
    ],
)  # fmt: skip
def test_a_torn_line_that_mentions_the_user_is_spoilt(torn: bytes) -> None:
    """It was counted and passed over; its length stays."""
    after = without(torn, [USER])

    assert len(after) == len(torn)
    assert USER.encode() not in after
    assert after.endswith(b"\n")


def test_a_user_in_another_place_is_no_user(tmp_path: Path) -> None:
    """A request id or a test of that name stays."""
    same = line(request(user="other", request_id=USER, test=USER))
    assert without(same, [USER]) == same


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Whatever it points to stays as it is."""
    target = tmp_path / "target"
    target.write_bytes(line(request(user=USER)))
    link = tmp_path / "4711-0123456789abcdef.spool"
    link.symlink_to(target)

    with pytest.raises(OSError, match="symbolic"):
        scrub(link, 100, [USER])
