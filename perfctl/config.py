"""Reads the configuration, TOML or a dict, into a `Config`; a name it does not know is an error."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from perfctl.config_values import (
    Place,
    as_duration,
    as_number,
    as_ratio,
    as_size,
    as_table,
    as_tables,
    as_text,
    as_texts,
    quoted,
)
from perfctl.errors import ConfigError
from perfctl.thresholds import (
    OF_MACHINE,
    OF_ROUTES,
    RATIOS,
    Limits,
    Override,
    Route,
    Thresholds,
    overridden,
)
from perfctl.units import write_duration

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


class Retention(NamedTuple):
    """How long each kind of record is kept; `minutes`, `hours` and `days` are rollup cells."""

    requests_ms: int = 30 * _DAY_MS
    system_ms: int = 7 * _DAY_MS
    system_hours_ms: int = 30 * _DAY_MS
    errors_ms: int = 90 * _DAY_MS
    predictions_ms: int = 14 * _DAY_MS
    frontend_ms: int = 30 * _DAY_MS
    alerts_ms: int = 90 * _DAY_MS
    minutes_ms: int = 48 * _HOUR_MS
    hours_ms: int = 30 * _DAY_MS
    days_ms: int = 400 * _DAY_MS


class Config(NamedTuple):
    """All that a configuration can say; without one, the defaults."""

    db: str | None = None
    group: str | None = None
    thresholds: Thresholds = Thresholds()
    routes: tuple[Route, ...] = ()
    retention: Retention = Retention()
    expect_traffic_ms: int | None = None
    max_size_bytes: int | None = None
    probes: tuple[str, ...] = ("healthz", "livez", "readyz", "health", "ping")
    budgets: Mapping[str, object] = {}
    alerts: tuple[Mapping[str, object], ...] = ()
    alerts_place: Place = Place("configuration", "alerts")
    """Where they stand, for who reads them later."""
    notify: Mapping[str, object] = {}
    notify_places: Mapping[str, Place] = {}
    """Where each name of `notify` stands, for who reads it later."""
    deps: Mapping[str, object] = {}

    def for_route(self, method: str, route: str) -> Thresholds:
        """The thresholds of a route: where several globs match, the later one decides."""
        found = self.thresholds
        for candidate in self.routes:
            if candidate.matches(method, route):
                found = overridden(found, candidate.overrides)
        # Two globs that each make sense may together put a target above its threshold.
        return Thresholds(*(Limits(min(limits), limits.threshold) for limits in found))


DEFAULTS = Config()
_RETENTION = tuple(name.removesuffix("_ms") for name in Retention._fields)


def parse_toml(text: str, where: str, table: tuple[str, ...] = ()) -> dict[str, object]:
    """The names that a TOML text sets, in `[tool.perfctl]` if that is the `table`; not yet checked."""
    import tomllib

    try:
        found: object = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        raise ConfigError(f"{where} is not valid TOML: {exc}") from exc
    for name in table:
        found = found.get(name, {}) if isinstance(found, dict) else {}
    if not isinstance(found, dict):
        raise ConfigError(f"{where}: [{'.'.join(table)}] must be a table")
    return found


def parse(
    data: Mapping[str, object], where: str = "configuration", base: Config = DEFAULTS
) -> Config:
    """`base` with what `data` sets; ConfigError names the file (`where`), the name and the remedy."""
    place = Place(where)
    if "tool" in data:
        raise place.at("tool").error(
            "unknown name", "in a perfctl.toml the names stand at the top, without [tool.perfctl]"
        )
    config = base
    for name, value in as_table(data, place, tuple(_READERS)).items():
        config = _READERS[name](config, value, place.at(name))
    _check_order(config, place)
    return config


def only_data(data: Mapping[str, object]) -> tuple[dict[str, object], tuple[str, ...]]:
    """`data` without what runs a command or calls an address, and the names that this took away.

    For the file of another owner: its thresholds may be used, its commands not be run.
    """
    kept, dropped = dict(data), []
    if "://" in str(data.get("db", "")):
        dropped.append("db")
    if "notify" in data:
        dropped.append("notify")
    for name in dropped:
        del kept[name]
    deps, alerts = data.get("deps"), data.get("alerts")
    if isinstance(deps, Mapping):
        kept["deps"] = {name: value for name, value in deps.items() if name == "ignore"}
        dropped += [f"deps.{name}" for name in deps if name != "ignore"]
    if isinstance(alerts, list):
        kept["alerts"] = [_without_calls(rule) for rule in alerts]
        dropped += ["alerts"] if kept["alerts"] != alerts else []
    return kept, tuple(dropped)


def leaves(data: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Dotted names with their values: `thresholds.cpu.target`, 0.6."""
    for name, value in data.items():
        key = prefix + quoted(name)
        if isinstance(value, Mapping):
            yield from leaves(value, f"{key}.")
        else:
            yield key, value


def describe(config: Config) -> dict[str, object]:
    """Every setting as it would be written, by dotted name; what `notify` holds is not shown."""
    written: dict[str, object] = {
        "db": config.db,
        "group": config.group,
        "expect_traffic": _written(config.expect_traffic_ms),
        "max_size": config.max_size_bytes,
        "probes": list(config.probes),
        "thresholds": {
            name: limits._asdict() for name, limits in config.thresholds._asdict().items()
        },
        "routes": {route.glob: _describe_route(route) for route in config.routes} or None,
        "retention": {
            name.removesuffix("_ms"): write_duration(kept_ms)
            for name, kept_ms in config.retention._asdict().items()
        },
        "budgets": config.budgets or None,
        "alerts": [dict(rule) for rule in config.alerts],
        "deps": config.deps or None,
    }
    secret = {key: "(set)" for key, _ in leaves({"notify": config.notify})}
    return {**dict(leaves(written)), **(secret or {"notify": None})}


def _override(name: str, value: object, place: Place) -> Override:
    read = as_ratio if name in RATIOS else as_number
    numbers = {
        edge: read(number, place.at(edge))
        for edge, number in as_table(value, place, Limits._fields).items()
    }
    return Override(name, numbers.get("target"), numbers.get("threshold"))


def _read_thresholds(config: Config, value: object, place: Place) -> Config:
    overrides = [
        _override(name, limits, place.at(name))
        for name, limits in as_table(value, place, Thresholds._fields).items()
    ]
    return config._replace(thresholds=overridden(config.thresholds, overrides))


def _read_routes(config: Config, value: object, place: Place) -> Config:
    routes = {route.glob: route for route in config.routes}
    for glob, limits in as_table(value, place, None).items():
        routes.pop(glob, None)  # a later file's glob also decides later
        routes[glob] = Route(glob, _read_route(limits, place.at(glob)))
    return config._replace(routes=tuple(routes.values()))


def _read_route(value: object, place: Place) -> tuple[Override, ...]:
    for name in OF_MACHINE:
        if isinstance(value, Mapping) and name in value:
            raise place.at(name).error(
                "is of the machine, not of a route", f"set it under [thresholds.{name}]"
            )
    table = as_table(value, place, OF_ROUTES)
    return tuple(_override(name, limits, place.at(name)) for name, limits in table.items())


def _read_retention(config: Config, value: object, place: Place) -> Config:
    kept = config.retention._asdict()
    follows = kept["frontend_ms"] == kept["requests_ms"]
    table = as_table(value, place, _RETENTION)
    for name, duration in table.items():
        kept[f"{name}_ms"] = as_duration(duration, place.at(name), _HOUR_MS)
    if follows and "frontend" not in table:
        kept["frontend_ms"] = kept["requests_ms"]
    return config._replace(retention=Retention(**kept))


def _check_order(config: Config, place: Place) -> None:
    """A target above its threshold has no meaning; routes are judged on the final thresholds."""
    for name, limits in config.thresholds._asdict().items():
        _check_limits(limits, place.at("thresholds").at(name))
    for route in config.routes:
        effective = overridden(config.thresholds, route.overrides)._asdict()
        for override in route.overrides:
            at = place.at("routes").at(route.glob).at(override.name)
            _check_limits(effective[override.name], at)


def _check_limits(limits: Limits, place: Place) -> None:
    if limits.target > limits.threshold:
        raise place.error(
            f"the target ({limits.target:g}) is above the threshold ({limits.threshold:g})",
            "set both",
        )


def _describe_route(route: Route) -> dict[str, object]:
    return {
        override.name: {
            edge: number
            for edge, number in zip(Limits._fields, override[1:], strict=True)
            if number is not None
        }
        for override in route.overrides
    }


def _without_calls(rule: object) -> object:
    if not isinstance(rule, Mapping):
        return rule
    calls = ("command", "url", "webhook", "email", "notify", "ping")
    return {name: value for name, value in rule.items() if name not in calls}


def _written(duration_ms: int | None) -> str | None:
    return None if duration_ms is None else write_duration(duration_ms)


_READERS: dict[str, Callable[[Config, object, Place], Config]] = {
    "db": lambda config, value, place: config._replace(db=as_text(value, place)),
    "group": lambda config, value, place: config._replace(group=as_text(value, place)),
    "thresholds": _read_thresholds,
    "routes": _read_routes,
    "retention": _read_retention,
    "expect_traffic": lambda config, value, place: config._replace(
        expect_traffic_ms=as_duration(value, place, 60_000)
    ),
    "max_size": lambda config, value, place: config._replace(
        max_size_bytes=as_size(value, place, 10**6)
    ),
    "probes": lambda config, value, place: config._replace(probes=as_texts(value, place)),
    # Read by the commands that they are for.
    "budgets": lambda config, value, place: config._replace(
        budgets={**config.budgets, **as_table(value, place, None)}
    ),
    "alerts": lambda config, value, place: config._replace(
        alerts=as_tables(value, place), alerts_place=place
    ),
    "notify": lambda config, value, place: config._replace(
        notify={**config.notify, **as_table(value, place, None)},
        notify_places={
            **config.notify_places,
            **{name: place.at(name) for name in as_table(value, place, None)},
        },
    ),
    "deps": lambda config, value, place: config._replace(
        deps={**config.deps, **as_table(value, place, None)}
    ),
}
