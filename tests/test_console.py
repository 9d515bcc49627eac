"""The console, on real terminals, pipes and files."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest

from perfctl.console import FALLBACK_WIDTH, Console


@contextmanager
def terminal(columns: int) -> Iterator[tuple[TextIO, int]]:
    """A terminal so wide, and the end from which its screen is read."""
    screen, line = pty.openpty()
    fcntl.ioctl(line, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(line, "w", encoding="utf-8") as stream:
        yield stream, screen
    os.close(screen)


def shown(stream: TextIO, screen: int) -> str:
    """All that was written to the terminal; it comes in pieces."""
    stream.write("<end>")
    stream.flush()
    written = b""
    while not written.endswith(b"<end>"):
        written += os.read(screen, 1000)
    return written.decode().removesuffix("<end>")


@contextmanager
def pipe() -> Iterator[tuple[TextIO, int]]:
    """A pipe, and its end to read."""
    end, start = os.pipe()
    with os.fdopen(start, "w", encoding="utf-8") as stream:
        yield stream, end
    os.close(end)


def file(encoding: str = "utf-8") -> io.TextIOWrapper:
    """A file in memory."""
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


def content(stream: io.TextIOWrapper) -> str:
    """What was written to it."""
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode(stream.encoding)


def test_a_terminal_has_width_and_color() -> None:
    """Its own width, where COLUMNS does not say otherwise."""
    with terminal(132) as (stream, _):
        console = Console.detect(stream, stream, {"TERM": "xterm"})

    assert (console.width, console.has_color, console.is_terminal) == (132, True, True)


@pytest.mark.parametrize(
    ("columns", "width"), [("100", 100), ("0", 132), ("-5", 132), ("wide", 132), ("²", 132)]
)
def test_columns_outranks_the_terminal(columns: str, width: int) -> None:
    """COLUMNS, if it is a number of columns."""
    with terminal(132) as (stream, _):
        assert Console.detect(stream, stream, {"COLUMNS": columns}).width == width


def test_a_terminal_without_a_size_is_80_wide() -> None:
    """As a serial line or a fresh container says 0 columns."""
    with terminal(0) as (stream, _):
        assert Console.detect(stream, stream, {}).width == FALLBACK_WIDTH


def test_a_pipe_is_not_cut_and_not_coloured() -> None:
    """Even where COLUMNS is exported."""
    with pipe() as (stream, _):
        console = Console.detect(stream, stream, {"COLUMNS": "80", "TERM": "xterm"})

    assert (console.width, console.has_color, console.is_terminal) == (None, False, False)


@pytest.mark.parametrize(
    ("environ", "color", "has_color"),
    [
        ({"NO_COLOR": "1"}, None, False),
        ({"NO_COLOR": ""}, None, True),
        ({"TERM": "dumb"}, None, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, None, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, None, False),
        ({"NO_COLOR": "1"}, True, True),
        ({}, False, False),
    ],
)
def test_colour_on_a_terminal(environ: dict[str, str], color: bool | None, has_color: bool) -> None:
    """The option outranks NO_COLOR, that outranks FORCE_COLOR, that outranks TERM=dumb."""
    with terminal(80) as (stream, _):
        assert Console.detect(stream, stream, environ, color=color).has_color is has_color


@pytest.mark.parametrize(
    ("environ", "has_color"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "0"}, False)],
)
def test_colour_in_a_pipe(environ: dict[str, str], has_color: bool) -> None:
    """Only where it is asked for, as CI services do."""
    with pipe() as (stream, _):
        assert Console.detect(stream, stream, environ).has_color is has_color


def test_without_color_keeps_the_rest() -> None:
    """`--no-color` changes nothing else."""
    with terminal(80) as (stream, _):
        console = Console.detect(stream, stream, {})
        plain = console.without_color()

    assert plain == console._replace(has_color=False)


@pytest.mark.parametrize(
    ("text", "written"), [("a", "a\n"), ("a\n", "a\n"), ("a\nb", "a\nb\n"), ("\n", "\n"), ("", "")]
)
def test_write_ends_with_one_newline(text: str, written: str) -> None:
    """No rows at all are no line at all."""
    stdout = file()
    Console(stdout, file()).write(text)

    assert content(stdout) == written


def test_a_narrow_encoding_gets_plain_signs_of_equal_width() -> None:
    """Our own signs have a stand-in each, other text is written as escapes."""
    stdout = file("ascii")
    Console(stdout, file()).write("● ok  ━━╋─┼  ▁▂▃▄▅▆▇█  850 µs ×12 …\n東京")

    assert content(stdout) == "* ok  ==#-+  _.-:=+*#  850 us x12 ~\n\\u6771\\u4eac\n"


def test_a_lone_surrogate_is_written_as_an_escape() -> None:
    """A path that is not UTF-8 reaches us as such text."""
    stdout = file()
    Console(stdout, file()).write("/srv/\udcff")

    assert content(stdout) == "/srv/\\udcff\n"


def test_a_reader_that_has_gone_is_told_to_the_caller() -> None:
    """`perfctl … | head`: the command line ends quietly, this module does not decide it."""
    end, start = os.pipe()
    os.close(end)
    stream = os.fdopen(start, "w")

    with pytest.raises(BrokenPipeError):
        Console(stream, stream).write("text")
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_notes_and_failures_go_to_stderr() -> None:
    """A line that says what, a line that says what to try; nothing on stdout."""
    stdout, stderr = file(), file()
    console = Console(stdout, stderr)
    console.note("imported 3 records")
    console.fail("there is no store at /srv/x", "perfctl init")
    console.fail("no hint")

    assert content(stdout) == ""
    assert content(stderr) == (
        "imported 3 records\n"
        "perfctl: there is no store at /srv/x\n"
        "  try: perfctl init\n"
        "perfctl: no hint\n"
    )


def test_a_failure_is_one_line_whatever_it_quotes() -> None:
    """A path or a route in a message cannot steer the terminal."""
    stderr = file()
    Console(file(), stderr).fail("no route '\x1b[2J\n'", "\x07")

    assert content(stderr) == "perfctl: no route '\\x1b[2J\\x0a'\n  try: \\x07\n"


def test_progress_is_gone_at_the_end() -> None:
    """On a terminal the line is written over and at last erased, also by an error."""
    with terminal(80) as (stream, screen):
        console = Console.detect(stream, stream, {"TERM": "xterm"})
        with pytest.raises(KeyError):
            _fail_while_draining(console)
        written = shown(stream, screen)

    assert written == "\rdraining\x1b[K\rdraining 3 of 7\\x0a\x1b[K\r\x1b[K"


def _fail_while_draining(console: Console) -> None:
    with console.status("draining") as show:
        show("draining 3 of 7\n")
        raise KeyError


def test_progress_is_not_shown_off_a_terminal_nor_when_quiet(tmp_path: Path) -> None:
    """Neither in a log file, nor on a dumb terminal, nor with -q."""
    with (tmp_path / "log").open("w") as log, Console.detect(log, log, {}).status("a") as show:
        show("b")
    with terminal(80) as (stream, screen):
        for environ, is_quiet in (({"TERM": "dumb"}, False), ({"TERM": "xterm"}, True)):
            console = Console.detect(stream, stream, environ)
            with console.status("draining", is_quiet=is_quiet) as show:
                show("more")
        written = shown(stream, screen)

    assert (tmp_path / "log").read_text() == ""
    assert written == ""


def test_a_closed_stream_is_no_terminal() -> None:
    """A daemon without stdout is not asked whether it is one."""
    stream = file()
    stream.close()

    assert not Console.detect(stream, file(), {}).is_terminal
