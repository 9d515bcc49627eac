"""`python -m benchmarks [NAME…] [--quick]`: run all or some, print tables, keep JSON."""

from __future__ import annotations

import argparse
from importlib import import_module

from benchmarks.report import Report, machine

NAMES = ("ingest", "answers", "startup", "spool", "hook", "latency", "prune", "gate")


def run(name: str, *, quick: bool = False) -> Report:
    """Run one benchmark; `quick` proves that it works, on sizes that say nothing."""
    module = import_module(f"benchmarks.{name}")
    report: Report = module.run(quick=quick)
    return report


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that they work")
    said = parser.parse_args()
    unknown = set(said.names) - set(NAMES)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    facts = machine()
    print(", ".join(f"{name} {value}" for name, value in facts.items() if name != "command"))
    for name in said.names or NAMES:
        report = run(name, quick=said.quick)
        print(f"\n## {name}\n\n{report.to_markdown()}", flush=True)
        report.save()


if __name__ == "__main__":
    main()
