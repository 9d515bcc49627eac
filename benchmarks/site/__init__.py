"""The site whose requests are timed: four views, a SQLite database, a cache in memory."""
