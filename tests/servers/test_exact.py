"""Each request that a server has acknowledged is in the store, once, whatever process died."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .harness import Kind, Server, Visit, ask, serving, traffic
from .killing import WorkerKiller, kill_ingesters

REQUESTS = 2_000
KILLS = 20

# A probe is kept out of the totals; signing in and out would end the sessions that the threads share.
_LEFT_OUT = {"/healthz", traffic.SIGN_IN, traffic.SIGN_OUT}
# Pages with many rows would take most of the time and show nothing that some of them do not.
_THINNED = {"/items/", "/items/audit/", "/items/shared/", "/api/items/"}
_THINNED_TO = 30


def _visits(*, left_out: set[str]) -> list[Visit]:
    """2,000 of the usual mix."""
    visits: list[Visit] = []
    seen: Counter[str] = Counter()
    for visit in traffic.visits(REQUESTS * 10, seed=7):
        seen[visit.path] += 1
        thinned = visit.path in _THINNED and seen[visit.path] > _THINNED_TO
        if not thinned and visit.path not in left_out:
            visits.append(visit)
    return visits[:REQUESTS]


def _sign_in_all(server: Server) -> None:
    for user in traffic.fake.USERS:
        server.sign_in(user)


def _stored(folder: Path) -> Counter[str]:
    """How often each request id is in the store, after all that waits is drained."""
    ask(folder, "collect")
    rows = ask(folder, "requests", "--limit", "0")["requests"]
    assert sum(row["count"] for row in ask(folder, "endpoints")["endpoints"]) == len(rows)
    return Counter(row["request_id"] for row in rows)


@pytest.mark.parametrize(
    ("kind", "requests"),
    [
        (Kind.GTHREAD, REQUESTS),
        (Kind.UVICORN, REQUESTS),
        (Kind.GTHREAD_PRELOAD, REQUESTS // 4),
        (Kind.SYNC, REQUESTS // 4),
        (Kind.SYNC_PRELOAD, REQUESTS // 4),
    ],
)
def test_every_request_is_counted_once(
    kind: Kind, requests: int, seeded: Path, tmp_path: Path
) -> None:
    """The usual mix of requests: the store holds the acknowledged ids and nothing else."""
    with serving(tmp_path, kind, database=seeded) as server:
        _sign_in_all(server)
        assert server.load(_visits(left_out=_LEFT_OUT)[:requests], threads=8) == 0
        assert [a for a in server.answers if a.status != a.visit.status] == []
    assert _stored(tmp_path) == Counter(server.acknowledged())


@pytest.mark.parametrize("kind", [Kind.GTHREAD, Kind.SYNC_PRELOAD, Kind.UVICORN])
def test_nothing_is_lost_or_doubled_by_kill_9(kind: Kind, seeded: Path, tmp_path: Path) -> None:
    """20 workers die with requests in hand, 20 ingesters inside a transaction, under load."""
    rng = random.Random(kind.value)
    # A file's record is written when the file is closed, after its last byte was sent.
    visits = _visits(left_out=_LEFT_OUT | {"/static/items/vault.css"})
    with serving(tmp_path, kind, database=seeded) as server, ThreadPoolExecutor(1) as beside:
        _sign_in_all(server)
        ask(tmp_path, "collect")
        killer = WorkerKiller(server, kills=KILLS, total=len(visits), rng=rng)
        deaths = beside.submit(
            kill_ingesters, tmp_path, deaths=KILLS, rng=random.Random(1), within_s=120
        )
        broken = server.load(visits, threads=8, progress=killer)
        assert (killer.kills, deaths.result()) == (KILLS, KILLS)

    stored, acknowledged = _stored(tmp_path), Counter(server.acknowledged())
    assert acknowledged - stored == Counter(), "acknowledged, but not stored"
    assert [request_id for request_id, times in stored.items() if times > 1] == []
    assert len(stored - acknowledged) <= broken, "stored, but never sent"
