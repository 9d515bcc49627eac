"""Hours of a site, recorded as its feeders would, with something that happens in the middle."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from perfctl import ingest
from perfctl.model import MINUTE_MS
from perfctl.store import deploys, systems
from perfctl.store.connection import transaction, writing
from perfctl.store.deploys import Deploy, Sighting
from perfctl.store.systems import SystemRow
from tests import segments
from tests.segments import NOW_MS, request

HOUR = 60
"""In minutes, as all times here: so many before now."""
ITEM = "SELECT * FROM item WHERE owner_id = ?"
TAG = "SELECT * FROM tag WHERE item_id = ?"
SITE = "app/views.py:9 in page"
HINT = "prefetch_related('tags') on Item"
LIST_ROUTE = "/items/"
OTHERS = tuple(f"/other{n}/" for n in range(5))

Amount = int | Callable[[int], int]


class Site:
    """Records into one store."""

    def __init__(self, store: Path, now_ms: int = NOW_MS, seed: int = 7) -> None:
        self.store = store
        self._now_ms = now_ms
        self._draw = random.Random(seed)

    def serve(
        self,
        since: int,
        until: int = 0,
        *,
        route: str = LIST_ROUTE,
        per_minute: Amount = 4,
        own_us: float = 12_000,
        query_us: int = 800,
        per_row: int = 0,
        release: str | None = "v1",
        host: str = "web1",
        error_share: float = 0.0,
        hit_share: float | None = None,
        **changes: Any,
    ) -> None:
        """Requests from one time to another: two queries, and `per_row` more where there is an N+1."""
        records: list[Any] = [["p", 0, "default", ITEM], ["p", 1, "default", TAG]]
        for minute in range(since, until, -1):
            count = per_minute if isinstance(per_minute, int) else per_minute(minute)
            for _ in range(count):
                at_ms = self._now_ms - minute * MINUTE_MS + self._draw.randrange(MINUTE_MS)
                records += self._request(
                    at_ms, route, own_us, query_us, per_row, error_share, hit_share, changes
                )
        head = segments.header(release=release, host=host)
        segments.write(self.store, records, head=head)

    def _request(
        self,
        at_ms: int,
        route: str,
        own_us: float,
        query_us: int,
        per_row: int,
        error_share: float,
        hit_share: float | None,
        changes: dict[str, Any],
    ) -> list[Any]:
        draw = self._draw
        fields: dict[str, Any] = {"route": route, "queue_us": 2000, "cpu_us": 4000}
        db_us = (2 + per_row) * query_us
        uses, findings = [[0, 2, 2 * query_us, query_us]], []
        if per_row:
            uses.append([1, per_row, per_row * query_us, query_us])
            findings = [["n", 1, per_row, per_row * query_us, SITE, HINT]]
        if hit_share is not None:
            is_hit = draw.random() < hit_share
            fields["caches"] = [["default", "item", int(is_hit), int(not is_hit), 0, 90]]
        fields |= {"patterns": uses, "findings": findings, "queries": 2 + per_row, "db_us": db_us}
        fields["duration_us"] = int(own_us * draw.lognormvariate(0, 0.35)) + db_us
        errors = []
        if draw.random() < error_share:
            fields |= {"status": 500, "flags": 1, "request_id": f"{draw.getrandbits(64):016x}"}
            frames = [["app/views.py", 3, "page"]]
            errors = [["e", at_ms, fields["request_id"], "GET", route, 500, "KeyError", frames,
                       None, None]]  # fmt: skip
        return [request(at_ms, **(fields | changes)), *errors]

    def serve_others(self, since: int, until: int = 0, **changes: Any) -> None:
        """The other routes of the site."""
        for n, route in enumerate(OTHERS):
            self.serve(since, until, route=route, own_us=9_000 + 2000 * n, **changes)

    def load(
        self, since: int, until: int = 0, *, cpu: float = 0.25, memory: float = 0.5,
        host: str = "web1", largest: list[dict[str, Any]] | None = None,
    ) -> None:  # fmt: skip
        """A sample of the machine each minute."""
        detail = json.dumps({"largest": largest or []})
        with writing(self.store) as con, transaction(con):
            for minute in range(since, until, -1):
                row = SystemRow(
                    host, 60.0, "machine", cpu + self._draw.uniform(-0.02, 0.02), memory, None,
                    1.0, 0.4, "/", 0, 0, 0, 0, 100, 100, detail,
                )  # fmt: skip
                systems.insert(con, self._now_ms - minute * MINUTE_MS, row)

    def deploy(self, name: str, at: int, packages: dict[str, str] | None = None) -> None:
        """A mark."""
        with writing(self.store) as con, transaction(con):
            number = deploys.keep_packages(con, packages) if packages else None
            deploys.add(
                con,
                Deploy(0, self._now_ms - at * MINUTE_MS, "marked", "web1", "", name, name, "", "",
                       "/venv", number),
            )  # fmt: skip

    def install(self, packages: dict[str, str], at: int) -> None:
        """What `collect` finds when packages have changed."""
        with writing(self.store) as con, transaction(con):
            number = deploys.keep_packages(con, packages)
            deploys.sight(con, Sighting(self._now_ms - at * MINUTE_MS, "web1", "/venv", number))

    def done(self) -> None:
        """Bring all of it into the store."""
        ingest.drain(self.store, self._now_ms)
