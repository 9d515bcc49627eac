"""Hands records to the spool, and says so where the spool refuses them."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from django_hook import faults
from django_hook.conf import HookSettings, Place
from perfctl.model import Source
from perfctl.recording.record import Segment, encode_header, encode_pattern
from perfctl.spool.writer import SpoolWriter

if TYPE_CHECKING:
    from perfctl.recording.patterns import PatternBook

_COMPLAIN_EVERY_S = 3600.0


class Feed:
    """The way of one process into one spool."""

    def __init__(
        self, settings: HookSettings, place: Place, source: Source, patterns: PatternBook
    ) -> None:
        self._settings = settings
        self._source = source
        self.place = place
        self._complain_at = float("-inf")
        self.writer = SpoolWriter(
            f"{place.path}.spool",
            self._header,
            lambda ordinal: encode_pattern(patterns[ordinal]),
            group=settings.group,
        )

    def complain(self) -> None:
        """Log why the spool refuses records, if it does: at most once an hour."""
        now = time.monotonic()
        if now < self._complain_at:
            return
        refusal = self.writer.refusal
        if refusal is not None:
            self._complain_at = now + _COMPLAIN_EVERY_S
            hint = f" (try: {refusal.hint})" if refusal.hint else ""
            faults.logger.error("perfctl records nothing: %s%s", refusal.message, hint)

    def _header(self) -> bytes:
        settings = self._settings
        return encode_header(
            Segment(
                host=settings.host,
                instance=settings.instance,
                pid=os.getpid(),
                release=settings.release,
                environment=settings.environment,
                source=self._source,
                started_ms=int(time.time() * 1000),
            )
        )
