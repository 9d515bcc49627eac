"""The merge gate on recorded runs: how often it is red without a cause, and finds one that is there.

The example project runs 20 times, each time in a process of its own. A pair of measurements is drawn
from them: ten runs a side, so that no run is on both, and from each so many requests a route that the
side has n. Between equals every red is false; a route slowed down by 30 % should be found. Beside the
gate, the rules that CI tools have people write, on the same pairs.

Wall time is what the gate judges. On a machine that others use it says more of them than of the rule, so
the same pairs are compared by CPU time too.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
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
from perfctl.gate.latency import compare_latency, cut_blocks
from perfctl.model import Filters
from perfctl.store import connection, requests

RUNS = 20
VISITS = 2000
PAIRS = 200
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

Runs = Sequence[Mapping[str, Sequence[int]]]
"""Durations in microseconds of each route, run by run."""
Recorded = list[dict[str, list[tuple[int, int]]]]
"""The same, each with its CPU time."""


class Outcome(NamedTuple):
    """What a rule said of one pair: the routes that are slower, and those that it cannot judge."""

    slower: frozenset[str]
    unsure: int = 0


Rule = Callable[[Runs, Runs], Outcome]


def run(*, quick: bool = False) -> Report:
    """Record, or take what was recorded before, and compare resampled pairs."""
    recorded = record(4, 400) if quick else record(RUNS, VISITS)
    pairs = 5 if quick else PAIRS
    tables = [
        _table(name, [{route: [pair[at] for pair in values] for route, values in one.items()}
                      for one in recorded], pairs)
        for at, name in enumerate(("wall time", "CPU time"))
    ]  # fmt: skip
    return Report("gate", tables)


def _table(name: str, runs: Runs, pairs: int) -> Table:
    rows = [
        [rule, n, *judge(RULES[rule], runs, n, pairs)] for rule in RULES for n in SIZES
    ]  # fmt: skip
    spread = sorted(_spread(runs, route) for route in runs[0])
    notes = (
        f"{len(runs)} runs of the example project, {sum(map(_requests, runs)):,} requests of "
        f"{len(runs[0])} routes; {pairs} pairs a row, {len(runs) // 2} runs a side",
        f"a route's median differs between runs by {spread[len(spread) // 2]:.1%} (standard "
        f"deviation, middle route), of the noisiest by {spread[-1]:.1%}",
    )
    columns = ("rule", "n", "red between equals %", "+30 % found %", "another red %", "unsure %")
    return Table(f"Red without a cause, and +30 % of one route found: {name}", columns, rows, notes)


def record(runs: int, visits: int) -> Recorded:
    """So many runs, each made once and kept; of the routes that all of them have enough of."""
    found: Recorded = [_recorded_run(visits, number) for number in range(runs)]
    shared = set.intersection(
        *({route for route, values in one.items() if len(values) >= _FEWEST} for one in found)
    )
    return [{route: one[route] for route in sorted(shared)} for one in found]


def _recorded_run(visits: int, number: int) -> dict[str, list[tuple[int, int]]]:
    kept = cache_folder() / f"gate-{visits}-{number}.json"
    if not kept.exists():
        kept.write_text(json.dumps(_record_run(visits, number)))
    return {
        route: [(wall, cpu) for wall, cpu in values]
        for route, values in json.loads(kept.read_text()).items()
    }


def _record_run(visits: int, number: int) -> dict[str, list[tuple[int, int]]]:
    folder = cache_folder() / f"gate-run-{os.getpid()}-{number}"
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
    subprocess.run(command, env=env, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    found = _durations(store)
    shutil.rmtree(folder)
    return found


def _durations(store: Path) -> dict[str, list[tuple[int, int]]]:
    """Wall and CPU time of the answers that were no errors, by route."""
    now_ms = int(time.time() * 1000)
    os.close(os.open(store, os.O_CREAT | os.O_WRONLY, 0o600))
    connection.create(store)
    ingest.drain(store, now_ms)
    found: dict[str, list[tuple[int, int]]] = {}
    with connection.reading(store) as con:
        question = requests.Question(0, now_ms + 1, Filters().source)
        for row in requests.select(con, question):
            if row.status < 400 and row.cpu_us and not row.route.startswith("("):
                pair = (row.duration_us, row.cpu_us)
                found.setdefault(f"{row.method} {row.route}", []).append(pair)
    return found


def _requests(one: Mapping[str, Sequence[int]]) -> int:
    return sum(map(len, one.values()))


def _spread(runs: Runs, route: str) -> float:
    """The standard deviation of the logarithm of a route's median, run by run."""
    logs = [math.log(_quantile(one[route], 0.5)) for one in runs]
    mean = sum(logs) / len(logs)
    return math.sqrt(sum((value - mean) ** 2 for value in logs) / (len(logs) - 1))


def judge(rule: Rule, runs: Runs, n: int, pairs: int) -> list[float]:
    """In percent: red between equals; the slow route found, another one red; routes not judged."""
    false = found = other = unsure = 0
    for number in range(pairs):
        draw = random.Random(number)
        before, after = draw_pair(runs, n, draw)
        equal = rule(before, after)
        false += bool(equal.slower)
        unsure += equal.unsure
        slow = draw.choice(sorted(runs[0]))
        changed = rule(before, [slowed(one, slow) for one in after]).slower
        found += slow in changed
        other += bool(changed - {slow})
    routes = len(runs[0])
    return [100 * share / pairs for share in (false, found, other, unsure / routes)]


def draw_pair(runs: Runs, n: int, draw: random.Random) -> tuple[Runs, Runs]:
    """Two sides of different runs, with n requests of each route, from each run as many."""
    order = draw.sample(range(len(runs)), len(runs))
    half = len(runs) // 2
    sides = order[:half], order[half : 2 * half]
    return tuple(
        [
            {route: draw.choices(values, k=max(1, n // half)) for route, values in runs[at].items()}
            for at in side
        ]
        for side in sides
    )  # type: ignore[return-value]  # two of them


def slowed(one: Mapping[str, Sequence[int]], route: str) -> Mapping[str, Sequence[int]]:
    """The same run with one route slower."""
    return {**one, route: [int(value * SLOWDOWN) for value in one[route]]}


def _gate(before: Runs, after: Runs) -> Outcome:
    found = compare_latency(*(cut_blocks(_by_route(side)) for side in (before, after)))
    slower = frozenset(change.subject for change in found.changes if change.is_slower)
    small = sum(change.requests < change.needed for change in found.changes if not change.is_slower)
    return Outcome(slower, small + len(found.too_few))


def _by_route(side: Runs) -> dict[str, dict[int, Counter[int]]]:
    return {
        route: {at: Counter(map(sketch.bucket, one[route])) for at, one in enumerate(side)}
        for route in side[0]
    }


def _larger(share: float) -> Rule:
    """Slower where a quantile is 20 % larger: what people write by hand."""

    def rule(before: Runs, after: Runs) -> Outcome:
        return Outcome(
            frozenset(
                route
                for route in before[0]
                if _pooled(after, route, share) > _RULE * _pooled(before, route, share)
            )
        )

    return rule


def _pooled(side: Runs, route: str, share: float) -> int:
    return _quantile([value for one in side for value in one[route]], share)


def _quantile(values: Sequence[int], share: float) -> int:
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]


RULES: dict[str, Rule] = {
    "perfctl ci": _gate,
    "p50 > +20 %": _larger(0.5),
    "p95 > +20 %": _larger(0.95),
}
