"""Measures perfctl beside peers and references, in the same run: `python -m benchmarks`."""
