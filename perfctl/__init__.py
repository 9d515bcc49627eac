"""perfctl: the performance record of a Django + React product in one SQLite file."""

__version__ = "0.1.0"
