"""The spool: how feeders hand records over without opening the database."""
