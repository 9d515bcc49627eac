"""Runs one function in this process and prints what it returns: `python -m benchmarks.child`."""

from __future__ import annotations

import importlib
import json
import os
import sys


def main() -> None:
    """Call `module:function` with the keyword arguments given as JSON."""
    module, _, function = sys.argv[1].partition(":")
    result = getattr(importlib.import_module(module), function)(**json.loads(sys.argv[2]))
    sys.stdout.write(f"\n{json.dumps(result)}\n")
    sys.stdout.flush()
    os._exit(0)  # a peer's threads and exit handlers are no part of what is measured


if __name__ == "__main__":
    main()
