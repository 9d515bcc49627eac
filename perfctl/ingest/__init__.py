"""Brings what waits in the spool into the store, exactly once."""

from perfctl.ingest.drain import Drained, drain, pending_bytes

__all__ = ["Drained", "drain", "pending_bytes"]
