"""The merge gate on recorded runs: how often it is red without a cause, and finds one that is there.

The example project runs 20 times, each time in a process of its own. A pair of measurements is drawn
from them: ten runs a side, so that no run is on both, one after another as in a store, in stretches of
time as the gate cuts them, and from the stretches so many requests that the side has n of each route.
Between equals every red is false, that of all routes together too; a route slowed down by 30 % should be
found. Beside the gate, the rules that CI tools have people write, on the same pairs.

Wall time is what the gate judges. On a machine that others use it says more of them than of the rule, so
the same pairs are compared by CPU time too.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import ROOT, cache_folder, environment
from benchmarks.report import Report, Table
from perfctl import ingest, sketch
from perfctl.demo import find_vault
from perfctl.gate.durations import ALL_ROUTES
from perfctl.gate.latency import compare_latency, cut_blocks
from perfctl.model import Filters
from perfctl.store import connection, requests

RUNS = 20
VISITS = 3000
PAIRS = 200
STRETCHES = 5
SIZES = (30, 100, 1000)
SLOWDOWN = 1.3
_FEWEST = 8
_RULE = 1.2

# Each kind of visit as often as any other: the usual mix has too few of most to draw from.
_DRIVE = """
import itertools, random, sys
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("seed_vault", verbosity=0)
from items import fake
from vault import traffic

def visits(rng):
    signed_in = set()
    for kind in itertools.cycle(rng.sample(traffic.KINDS, len(traffic.KINDS))):
        visit = kind(rng, rng.choice(fake.USERS))
        if visit.user and visit.user not in signed_in:
            signed_in.add(visit.user)
            yield traffic.sign_in(visit.user)
        yield visit
        if visit.path == traffic.SIGN_OUT:
            signed_in.discard(visit.user)

for _ in traffic.run(itertools.islice(visits(random.Random(int(sys.argv[2]))), int(sys.argv[1]))):
    pass
"""

Stretches = Sequence[Mapping[str, Sequence[int]]]
"""Durations in microseconds of each route, stretch by stretch of time."""
Recorded = list[dict[str, list[tuple[float, int, int]]]]
"""Run by run: how far the run was (0 to 1), wall time and CPU time of each request."""


class Outcome(NamedTuple):
    """What a rule said of one pair: the routes that are slower, and those that it cannot judge."""

    slower: frozenset[str]
    unsure: int = 0


Rule = Callable[[Stretches, Stretches], Outcome]


def run(*, quick: bool = False) -> Report:
    """Record, or take what was recorded before, and compare resampled pairs."""
    recorded = record(4, 400) if quick else record(RUNS, VISITS)
    pairs = 5 if quick else PAIRS
    return Report(
        "gate", [_table("wall time", recorded, 1, pairs), _table("CPU time", recorded, 2, pairs)]
    )


def _table(name: str, recorded: Recorded, measure: int, pairs: int) -> Table:
    runs = [_stretches(one, measure) for one in recorded]
    rows = [[rule, n, *judge(RULES[rule], runs, n, pairs)] for rule in RULES for n in SIZES]
    spread = sorted(_spread(recorded, route, measure) for route in recorded[0])
    total = sum(len(values) for one in recorded for values in one.values())
    notes = (
        f"{len(runs)} runs of the example project, {total:,} requests of {len(spread)} routes; "
        f"{pairs} pairs a row, {len(runs) // 2} runs a side",
        f"a route's median differs between runs by {spread[len(spread) // 2]:.1%} (standard "
        f"deviation, middle route), of the noisiest by {spread[-1]:.1%}",
    )
    columns = ("rule", "n", "red between equals %", "+30 % found %", "another red %", "unsure %")
    return Table(f"Red without a cause, and +30 % of one route found: {name}", columns, rows, notes)


def _stretches(one: Mapping[str, Sequence[tuple[float, int, int]]], measure: int) -> Stretches:
    """A run in as many stretches of time as a half of the runs makes the gate's 48 of."""
    found: list[dict[str, list[int]]] = [{route: [] for route in one} for _ in range(STRETCHES)]
    for route, values in one.items():
        for value in values:
            at = min(STRETCHES - 1, int(value[0] * STRETCHES))
            found[at][route].append(int(value[measure]))
    return found


def record(runs: int, visits: int) -> Recorded:
    """So many runs, each made once and kept; of the routes that all of them have enough of.

    Of a route the answers of its most frequent status class, as the gate compares them.
    """
    found: Recorded = [_recorded_run(visits, number) for number in range(runs)]
    shared = set.intersection(
        *({key for key, values in one.items() if len(values) >= _FEWEST} for one in found)
    )
    sizes = {key: sum(len(one[key]) for one in found) for key in shared}
    largest: dict[str, str] = {}
    for key in sorted(shared, key=sizes.__getitem__):
        largest[key.rpartition(" ")[0]] = key
    return [{route: one[key] for route, key in sorted(largest.items())} for one in found]


def _recorded_run(visits: int, number: int) -> dict[str, list[tuple[float, int, int]]]:
    kept = cache_folder() / f"gate-{visits}-{number}.json"
    if not kept.exists():
        kept.write_text(json.dumps(_record_run(visits, number)))
    found: dict[str, list[tuple[float, int, int]]] = json.loads(kept.read_text())
    return found


def _record_run(visits: int, number: int) -> dict[str, list[tuple[float, int, int]]]:
    # In memory where there is such a place: the disk of a shared machine is everybody's.
    memory = Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) else cache_folder()
    folder = parent / f"perfctl-gate-{os.getpid()}-{number}"
    folder.mkdir(mode=0o700)
    store = folder / "perfctl.db"
    site = find_vault()
    env = environment(
        PYTHONPATH=f"{site}{os.pathsep}{ROOT}",
        DJANGO_SETTINGS_MODULE="vault.settings",
        VAULT_DB=str(folder / "vault.db"),
        VAULT_BACKUP_SECONDS="0.02",
        VAULT_BREACH_SECONDS="0.005",
        PERFCTL_DB=str(store),
    )
    command = [sys.executable, "-W", "ignore", "-c", _DRIVE, str(visits), str(number)]
    try:
        subprocess.run(command, env=env, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return _durations(store)
    finally:
        shutil.rmtree(folder)


def _durations(store: Path) -> dict[str, list[tuple[float, int, int]]]:
    """The answers that were no errors, by route and status class."""
    now_ms = int(time.time() * 1000)
    os.close(os.open(store, os.O_CREAT | os.O_WRONLY, 0o600))
    connection.create(store)
    ingest.drain(store, now_ms)
    with connection.reading(store) as con:
        rows = requests.select(con, requests.Question(0, now_ms + 1, Filters().source))
    first, last = rows[-1].started_ms, rows[0].started_ms  # newest first
    found: dict[str, list[tuple[float, int, int]]] = {}
    for row in rows:
        if row.status < 400 and row.cpu_us and not row.route.startswith("("):
            far = (row.started_ms - first) / max(1, last - first)
            key = f"{row.method} {row.route} {row.status // 100}xx"
            found.setdefault(key, []).append((far, row.duration_us, row.cpu_us))
    return found


def _spread(recorded: Recorded, route: str, measure: int) -> float:
    """The standard deviation of the logarithm of a route's median, run by run."""
    logs = [math.log(_quantile([int(v[measure]) for v in one[route]], 0.5)) for one in recorded]
    return statistics.stdev(logs)


def judge(rule: Rule, runs: Sequence[Stretches], n: int, pairs: int) -> list[float]:
    """In percent: red between equals; the slow route found, another one red; routes not judged."""
    false = found = other = unsure = 0
    for number in range(pairs):
        draw = random.Random(number)
        before, after = draw_pair(runs, n, draw)
        equal = rule(before, after)
        false += bool(equal.slower)
        unsure += equal.unsure
        slow = draw.choice(sorted(before[0]))
        changed = rule(before, [slowed(one, slow) for one in after]).slower
        found += slow in changed
        other += bool(changed - {slow})
    routes = len(runs[0][0])
    return [100 * share / pairs for share in (false, found, other, unsure / routes)]


def draw_pair(
    runs: Sequence[Stretches], n: int, draw: random.Random
) -> tuple[Stretches, Stretches]:
    """Two sides of different runs, with n requests of each route, spread over the stretches."""
    order = draw.sample(range(len(runs)), len(runs))
    half = len(runs) // 2
    before, after = order[:half], order[half : 2 * half]
    return _draw_side(runs, before, n, draw), _draw_side(runs, after, n, draw)


def _draw_side(
    runs: Sequence[Stretches], chosen: Sequence[int], n: int, draw: random.Random
) -> Stretches:
    stretches = [stretch for at in chosen for stretch in runs[at]]
    side: list[dict[str, list[int]]] = [{} for _ in stretches]
    for route in stretches[0]:
        filled = [at for at, stretch in enumerate(stretches) if stretch[route]]
        lucky = set(draw.sample(filled, n % len(filled)))
        for at, stretch in enumerate(stretches):
            k = n // len(filled) + (at in lucky) if stretch[route] else 0
            side[at][route] = draw.choices(stretch[route], k=k) if k else []
    return side


def slowed(one: Mapping[str, Sequence[int]], route: str) -> Mapping[str, Sequence[int]]:
    """The same run with one route slower."""
    return {**one, route: [int(value * SLOWDOWN) for value in one[route]]}


def _gate(before: Stretches, after: Stretches) -> Outcome:
    found = compare_latency(cut_blocks(_by_route(before)), cut_blocks(_by_route(after)))
    slower = frozenset(change.subject for change in found.changes if change.is_slower)
    if found.shift and found.shift.is_slower:
        slower |= {ALL_ROUTES}
    small = sum(change.requests < change.needed for change in found.changes if not change.is_slower)
    return Outcome(slower, small + len(found.too_few))


def _by_route(side: Stretches) -> dict[str, dict[int, Counter[int]]]:
    return {
        route: {
            at: Counter(map(sketch.bucket, one[route])) for at, one in enumerate(side) if one[route]
        }
        for route in side[0]
    }


def _larger(share: float) -> Rule:
    """Slower where a quantile is 20 % larger: what people write by hand."""

    def rule(before: Stretches, after: Stretches) -> Outcome:
        return Outcome(
            frozenset(
                route
                for route in before[0]
                if _pooled(after, route, share) > _RULE * _pooled(before, route, share)
            )
        )

    return rule


def _pooled(side: Stretches, route: str, share: float) -> int:
    return _quantile([value for one in side for value in one[route]], share)


def _quantile(values: Sequence[int], share: float) -> int:
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]


RULES: dict[str, Rule] = {
    "perfctl ci": _gate,
    "p50 > +20 %": _larger(0.5),
    "p95 > +20 %": _larger(0.95),
}
