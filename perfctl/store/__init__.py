"""The store: one SQLite file, and all SQL."""
