"""What is well and what is not: targets and thresholds, of the machine and of each route."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple


class Limits(NamedTuple):
    """Fine under `target`, critical above `threshold`, a warning between them."""

    target: float
    threshold: float


class Thresholds(NamedTuple):
    """What is well and what is not; shares are 0 to 1."""

    cpu: Limits = Limits(0.60, 0.80)
    memory: Limits = Limits(0.70, 0.80)
    disk: Limits = Limits(0.75, 0.80)
    request_ms: Limits = Limits(500, 1000)
    queue_ms: Limits = Limits(100, 500)
    queries: Limits = Limits(20, 50)
    error_rate: Limits = Limits(0.01, 0.05)


class Override(NamedTuple):
    """A threshold that a route changes; None leaves what holds otherwise."""

    name: str
    target: float | None
    threshold: float | None


class Route(NamedTuple):
    """Thresholds of the routes that a glob matches; `POST /api/*` is for one method only."""

    glob: str
    overrides: tuple[Override, ...]

    def matches(self, method: str, route: str) -> bool:
        """True where the thresholds are for this endpoint."""
        return fnmatchcase(f"{method} {route}" if " " in self.glob else route, self.glob)


RATIOS = ("cpu", "memory", "disk", "error_rate")
OF_MACHINE = ("cpu", "memory", "disk")
OF_ROUTES = tuple(name for name in Thresholds._fields if name not in OF_MACHINE)


def overridden(thresholds: Thresholds, overrides: Iterable[Override]) -> Thresholds:
    """The thresholds with what a file or a route changes of them."""
    changed = thresholds._asdict()
    for name, target, threshold in overrides:
        was = changed[name]
        changed[name] = Limits(
            was.target if target is None else target,
            was.threshold if threshold is None else threshold,
        )
    return Thresholds(**changed)
