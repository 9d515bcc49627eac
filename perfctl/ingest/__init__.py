"""Brings what waits in the spool into the store, exactly once."""

from perfctl.ingest.intake import Drained, drain
from perfctl.ingest.pending import pending_bytes
from perfctl.spool.reader import list_segments

__all__ = ["Drained", "drain", "list_segments", "pending_bytes"]
