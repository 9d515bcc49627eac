"""The terminal, or the file or pipe in its place: the only module that prints."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, TextIO

from perfctl.visible import visible

FALLBACK_WIDTH = 80
_PLAIN_GLYPHS = str.maketrans("●▲✖–·…×↳→µ─━┼╋▏▎▍▌▋▊▉▁▂▃▄▅▆▇█", "*!x-.~x>>u-=+#...::::_.-:=+*#")
"""For encodings without ours: one sign for one, so that columns still line up."""


class Console(NamedTuple):
    """Where results and notes go, and what the place can show."""

    stdout: TextIO
    stderr: TextIO
    width: int | None = None
    """Columns of the terminal; None off a terminal, where nothing is cut."""
    has_color: bool = False
    is_terminal: bool = False
    has_progress: bool = False

    @classmethod
    def detect(
        cls,
        stdout: TextIO,
        stderr: TextIO,
        environ: Mapping[str, str],
        *,
        color: bool | None = None,
    ) -> Console:
        """The console of this process; `color` outranks NO_COLOR, that FORCE_COLOR, that the rest."""
        is_terminal = _is_terminal(stdout)
        is_dumb = environ.get("TERM") == "dumb"
        if color is None:
            color = _wants_color(environ, is_terminal and not is_dumb)
        return cls(
            stdout,
            stderr,
            _width(stdout, environ) if is_terminal else None,
            color,
            is_terminal,
            _is_terminal(stderr) and not is_dumb,
        )

    def without_color(self) -> Console:
        """The same place, without colours."""
        return self._replace(has_color=False)

    def write(self, text: str) -> None:
        """Print a result; BrokenPipeError where the reader has gone."""
        _print(self.stdout, text)

    def abandon(self) -> None:
        """The reader has gone (`| head`): what is still written goes nowhere, and nobody complains."""
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self.stdout.fileno())
        os.close(null)

    def note(self, text: str) -> None:
        """Say something beside the result."""
        _print(self.stderr, text)

    def fail(self, message: str, hint: str | None = None) -> None:
        """Say what went wrong, and what to try."""
        lines = [f"perfctl: {visible(message)}"]
        if hint:
            lines.append(f"  try: {visible(hint)}")
        self.note("\n".join(lines))

    @contextmanager
    def status(self, text: str, *, is_quiet: bool = False) -> Iterator[Callable[[str], None]]:
        """A line on stderr that shows how far it is, gone at the end; only on a terminal."""
        if is_quiet or not self.has_progress:
            yield _ignore
            return
        self._show(text)
        try:
            yield self._show
        finally:
            self._show("")

    def _show(self, text: str) -> None:
        cut = visible(text)[: (self.width or FALLBACK_WIDTH) - 1]
        self.stderr.write(f"\r{_encodable(cut, self.stderr)}\x1b[K")
        self.stderr.flush()


def _ignore(text: str) -> None:
    """Off a terminal progress is not shown."""


def _print(stream: TextIO, text: str) -> None:
    if text and not text.endswith("\n"):
        text += "\n"
    stream.write(_encodable(text, stream))
    stream.flush()


def _encodable(text: str, stream: TextIO) -> str:
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plain = text.translate(_PLAIN_GLYPHS)
        return plain.encode(encoding, "backslashreplace").decode(encoding)
    return text


def _is_terminal(stream: TextIO) -> bool:
    return not stream.closed and stream.isatty()


def _wants_color(environ: Mapping[str, str], is_able: bool) -> bool:
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return is_able


def _width(stdout: TextIO, environ: Mapping[str, str]) -> int:
    written = environ.get("COLUMNS", "")
    if written.isascii() and written.isdigit() and int(written) > 0:
        return int(written)
    try:
        return os.get_terminal_size(stdout.fileno()).columns or FALLBACK_WIDTH
    except OSError:
        return FALLBACK_WIDTH
