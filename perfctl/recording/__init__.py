"""Request state, SQL fingerprints, N+1 and the spool record; free of Django, pure."""
