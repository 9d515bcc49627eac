"""Which vulnerabilities are exploited, and which soon may be: lists on disk, for the order of a scan.

KEV is CISA's catalogue of known exploited vulnerabilities, as JSON or CSV
(https://www.cisa.gov/known-exploited-vulnerabilities-catalog). EPSS is FIRST's estimate that one is
exploited within 30 days, as CSV, packed or not (https://www.first.org/epss/data_stats).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from perfctl.deps.report import Scan, VulnerabilityRow
from perfctl.errors import UsageError

_CVE = "CVE-"


class Threats(NamedTuple):
    """What the lists say; None for one that was not given."""

    exploited: frozenset[str] | None = None
    epss: dict[str, float] | None = None


def read_threats(kev: Path | None, epss: Path | None) -> Threats:
    """The lists; UsageError for one that cannot be read, or says nothing."""
    return Threats(
        None if kev is None else _read_kev(kev), None if epss is None else _read_epss(epss)
    )


def with_threats(scan: Scan, threats: Threats) -> Scan:
    """The scan with what the lists say of each vulnerability."""
    rows = [
        replace(row, vulnerabilities=[_with(found, threats) for found in row.vulnerabilities])
        for row in scan.packages
    ]
    return replace(scan, packages=rows)


def _with(found: VulnerabilityRow, threats: Threats) -> VulnerabilityRow:
    names = [name.upper() for name in (found.id, *found.aliases)]
    exploited = threats.exploited
    scores = [threats.epss[name] for name in names if name in threats.epss] if threats.epss else []
    return replace(
        found,
        exploited=None if exploited is None else not exploited.isdisjoint(names),
        epss=max(scores, default=None),
    )


def _read_kev(path: Path) -> frozenset[str]:
    text = _text(path)
    try:
        if text.lstrip().startswith("{"):
            names = [str(item["cveID"]) for item in json.loads(text)["vulnerabilities"]]
        else:
            names = [row["cveID"] for row in csv.DictReader(io.StringIO(text))]
    except (ValueError, KeyError, TypeError) as exc:
        raise UsageError(f"{path} is no list of exploited vulnerabilities (KEV)") from exc
    found = frozenset(name.upper() for name in names if name.upper().startswith(_CVE))
    if not found:
        raise UsageError(f"{path} is no list of exploited vulnerabilities (KEV): it names none")
    return found


def _read_epss(path: Path) -> dict[str, float]:
    lines = [line for line in _text(path).splitlines() if not line.startswith("#")]
    try:
        found = {row["cve"].upper(): float(row["epss"]) for row in csv.DictReader(lines)}
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise UsageError(f"{path} is no list of EPSS: it has no columns cve and epss") from exc
    if not found:
        raise UsageError(f"{path} is no list of EPSS: it names none")
    return found


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror or exc}") from exc
    except (UnicodeDecodeError, EOFError, zlib.error) as exc:
        raise UsageError(f"{path} is no text") from exc
