"""What a configuration may say, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfctl.config import (
    DEFAULTS,
    Config,
    Retention,
    describe,
    leaves,
    only_data,
    parse,
    parse_toml,
)
from perfctl.errors import ConfigError
from perfctl.thresholds import Limits, Thresholds

DAY_MS = 86_400_000


def read(text: str) -> Config:
    """A perfctl.toml with this text."""
    return parse(parse_toml(text, "perfctl.toml"), "perfctl.toml")


def test_without_a_word_the_defaults_hold() -> None:
    """Thresholds and retention are those of the documentation."""
    assert read("") == DEFAULTS
    assert Thresholds() == Thresholds(
        cpu=Limits(0.6, 0.8),
        memory=Limits(0.7, 0.8),
        disk=Limits(0.75, 0.8),
        request_ms=Limits(500, 1000),
        queue_ms=Limits(100, 500),
        queries=Limits(20, 50),
        error_rate=Limits(0.01, 0.05),
    )
    days = [kept_ms / DAY_MS for kept_ms in Retention()]
    assert days == [30, 7, 30, 90, 14, 30, 90, 2, 30, 400]


def test_each_setting_is_read() -> None:
    """One file with all of them."""
    config = read("""
        db = "var/perf.db"
        group = "perf"
        expect_traffic = "15m"
        max_size = "2GB"
        probes = ["alive"]
        [thresholds]
        cpu = {target = 0.5, threshold = 0.9}
        request_ms = {threshold = 2000}
        [retention]
        errors = "180d"
        minutes = "24h"
    """)
    assert config == Config(
        db="var/perf.db",
        group="perf",
        expect_traffic_ms=900_000,
        max_size_bytes=2 * 10**9,
        probes=("alive",),
        thresholds=Thresholds(cpu=Limits(0.5, 0.9), request_ms=Limits(500, 2000)),
        retention=Retention(errors_ms=180 * DAY_MS, minutes_ms=DAY_MS),
    )


def test_a_route_has_its_own_thresholds() -> None:
    """By glob, with a method where one is meant; the rest of the endpoints keep the general ones."""
    config = read("""
        [thresholds]
        queries = {target = 10}
        [routes."/reports/*"]
        request_ms = {target = 4000, threshold = 9000}
        [routes."POST /reports/*"]
        request_ms = {threshold = 20000}
    """)
    general = Thresholds(queries=Limits(10, 50))
    assert config.for_route("GET", "/items/<int:pk>/") == general
    assert config.for_route("GET", "/reports/<int:year>/") == general._replace(
        request_ms=Limits(4000, 9000)
    )
    assert config.for_route("POST", "/reports/<int:year>/") == general._replace(
        request_ms=Limits(4000, 20000)
    )


def test_globs_that_meet_never_put_a_target_above_its_threshold() -> None:
    """The later threshold decides; the target gives way to it."""
    config = read("""
        [routes."/a/*"]
        request_ms = {target = 4000, threshold = 9000}
        [routes."/a/b/*"]
        request_ms = {threshold = 600}
    """)
    assert config.for_route("GET", "/a/b/c/").request_ms == Limits(600, 600)


def test_front_end_records_are_kept_as_long_as_requests() -> None:
    """Unless they have a word of their own."""
    assert read('retention = {requests = "10d"}').retention.frontend_ms == 10 * DAY_MS
    own = read('retention = {requests = "10d", frontend = "3d"}').retention
    assert own.frontend_ms == 3 * DAY_MS


def test_one_file_goes_over_another() -> None:
    """What the nearer file does not set stays as the farther one has it."""
    base = read('group = "ops"\nthresholds.cpu = {threshold = 0.95}\nretention.system = "3d"')
    config = parse({"thresholds": {"cpu": {"target": 0.9}}}, "near.toml", base)
    assert config.thresholds.cpu == Limits(0.9, 0.95)
    assert config.group == "ops"
    assert config.retention.system_ms == 3 * DAY_MS


def test_a_nearer_file_decides_last_about_a_route() -> None:
    """Also with a glob that the farther file has too, before others."""
    far = read('routes."*".queries.threshold = 100\nroutes."/a/*".queries.threshold = 200')
    near = parse({"routes": {"*": {"queries": {"threshold": 300}}}}, "near.toml", far)
    assert far.for_route("GET", "/a/b/").queries.threshold == 200
    assert near.for_route("GET", "/a/b/").queries.threshold == 300


def test_tables_of_later_commands_are_kept_as_they_stand() -> None:
    """Budgets, alert rules, notification and dependencies have readers of their own."""
    config = read("""
        [[alerts]]
        metric = "queue_ms"
        above = 300
        [budgets."/api/*"]
        queries = 12
        [notify]
        command = ["/usr/bin/true"]
        [deps]
        ignore = [{id = "CVE-1", reason = "not reachable"}]
    """)
    assert config.alerts == ({"metric": "queue_ms", "above": 300},)
    assert config.budgets == {"/api/*": {"queries": 12}}
    assert config.notify == {"command": ["/usr/bin/true"]}
    assert config.deps == {"ignore": [{"id": "CVE-1", "reason": "not reachable"}]}


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("treshold = 1", "perfctl.toml: treshold: unknown name", "did you mean thresholds?"),
        ("thresholds.cpus = {}", "thresholds.cpus: unknown name", "did you mean cpu?"),
        ("thresholds.request_p95 = {}", "thresholds.request_p95", "did you mean request_ms?"),
        ("thresholds.cpu.alert = 1", "thresholds.cpu.alert", "the names are target, threshold"),
        ('retention.request = "1d"', "retention.request:", "did you mean requests?"),
        ('routes."/a".query = {}', 'routes."/a".query', "did you mean queries?"),
        ("[tool.perfctl]", "perfctl.toml: tool", "without [tool.perfctl]"),
        ("xyzzy = 1", "xyzzy", "the names are db, group"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(text: str, place: str, hint: str) -> None:
    """A misspelt setting that passes in silence is worse than none."""
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert caught.value.exit_code == 2
    assert place in caught.value.message
    assert caught.value.hint is not None
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("thresholds.cpu.target = 60", "thresholds.cpu.target: is a share from 0 to 1, not 60"),
        ("thresholds.error_rate.threshold = 5", "thresholds.error_rate.threshold: is a share"),
        ('thresholds.cpu.target = "0.6"', "must be a number, not '0.6'"),
        ("thresholds.queries.target = true", "must be a number, not True"),
        ("thresholds.request_ms.target = nan", "must be a number, not nan"),
        ("thresholds.request_ms.threshold = inf", "must be a number, not inf"),
        ("thresholds.queries.target = -1", "must not be negative"),
        ("thresholds.cpu = 0.8", "thresholds.cpu: must be a table"),
        ("thresholds.cpu.target = 0.9", "thresholds.cpu: the target (0.9) is above the threshold"),
        ('routes."/a".request_ms.threshold = 100', '"/a".request_ms: the target (500) is above'),
        ('routes."/a".cpu.threshold = 1', 'routes."/a".cpu: is of the machine, not of a route'),
        ("expect_traffic = 15", "expect_traffic: must be a text, not 15"),
        ('expect_traffic = "soon"', "expect_traffic: not a duration: 'soon'"),
        ('expect_traffic = "1s"', "expect_traffic: must be at least 1m"),
        ('retention.requests = "0s"', "retention.requests: must be at least 1h"),
        ('max_size = "big"', "max_size: not a size"),
        ("max_size = 1", "max_size: must be at least 1.00 MB"),
        ('probes = "healthz"', "probes: must be a list of texts"),
        ("probes = [1]", "probes: must be a text, not 1"),
        ('db = ""', "db: must be a text"),
        ("group = 7", "group: must be a text"),
        ("alerts = {}", "alerts: must be a list of tables"),
        ("alerts = [1]", "alerts.0: must be a table"),
        ("notify = []", "notify: must be a table"),
        ("retention = []", "retention: must be a table"),
        ("= 1", "perfctl.toml is not valid TOML"),
        ("a = " + "[" * 5000, "perfctl.toml is not valid TOML"),
    ],
)
def test_a_wrong_value_is_refused_by_name(text: str, problem: str) -> None:
    """The message says which value of which file, and what it must be."""
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert problem in caught.value.message
    assert caught.value.message.startswith("perfctl.toml")


def test_the_table_of_a_pyproject_is_read() -> None:
    """Other tools' tables are not perfctl's business."""
    text = '[tool.ruff]\nx = 1\n[tool.perfctl]\ndb = "p.db"'
    table = ("tool", "perfctl")
    assert parse_toml(text, "pyproject.toml", table) == {"db": "p.db"}
    assert parse_toml("[tool.ruff]", "pyproject.toml", table) == {}
    with pytest.raises(ConfigError, match=r"\[tool\.perfctl\] must be a table"):
        parse_toml("tool.perfctl = 1", "pyproject.toml", table)


def test_of_another_owner_only_data_is_taken() -> None:
    """Commands and addresses go, and are named; thresholds, place and budgets stay."""
    data = parse_toml(
        """
        db = "var/perf.db"
        thresholds.cpu.target = 0.5
        budgets."/api/*".queries = 12
        notify.command = ["/bin/sh", "-c", "id"]
        alerts = [{metric = "cpu", above = 0.9, command = ["/bin/sh"]}]
        deps.osv_url = "https://osv.example"
        deps.index_url = "https://index.example"
        deps.test = "make test"
        deps.ignore = [{id = "CVE-1"}]
        """,
        "perfctl.toml",
    )
    kept, dropped = only_data(data)
    assert kept == {
        "db": "var/perf.db",
        "thresholds": {"cpu": {"target": 0.5}},
        "budgets": {"/api/*": {"queries": 12}},
        "alerts": [{"metric": "cpu", "above": 0.9}],
        "deps": {"ignore": [{"id": "CVE-1"}]},
    }
    assert dropped == ("notify", "deps.osv_url", "deps.index_url", "deps.test", "alerts")


def test_a_store_on_a_server_is_an_address() -> None:
    """Another owner's file must not send records somewhere."""
    assert only_data({"db": "postgresql://evil.example/p"}) == ({}, ("db",))


def test_the_settings_are_listed_as_they_would_be_written() -> None:
    """All of them, by dotted name, and what notification holds is not shown: it has secrets."""
    listed = describe(
        read("""
            expect_traffic = "1h30m"
            routes."/api/v1.0/*".request_ms.target = 100
            notify.webhook = "https://hooks.example/token"
        """)
    )
    assert listed["expect_traffic"] == "1h30m"
    assert listed["thresholds.cpu.target"] == 0.6
    assert listed["retention.minutes"] == "48h"
    assert listed['routes."/api/v1.0/*".request_ms.target'] == 100
    assert listed["notify.webhook"] == "(set)"
    assert listed["db"] is None


durations = st.integers(1, 1000).map(lambda hours: f"{hours}h")
limits = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(
    lambda pair: {"target": min(pair), "threshold": max(pair)}
)
configurations = st.fixed_dictionaries(
    {},
    optional={
        "db": st.just("perf.db"),
        "expect_traffic": durations,
        "max_size": st.integers(10**6, 10**12),
        "probes": st.lists(st.sampled_from(["live", "ready"])),
        "thresholds": st.dictionaries(st.sampled_from(Thresholds._fields), limits),
        "retention": st.dictionaries(st.sampled_from(["requests", "errors", "days"]), durations),
        "routes": st.dictionaries(
            st.text(min_size=1), st.fixed_dictionaries({}, optional={"queries": limits})
        ),
    },
)


@given(configurations)
def test_what_is_set_is_what_is_listed(data: dict[str, object]) -> None:
    """Every value that was given stands in the list under its name."""
    listed = describe(parse(data))
    for key, value in leaves(data):
        if not key.startswith(("expect_traffic", "retention")):
            assert listed[key] == value


names = st.sampled_from(
    ["db", "thresholds", "cpu", "target", "routes", "queries", "retention", "errors", "alerts", "x"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "1h", "x"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(names, values, max_size=4))
def test_whatever_it_is_given_it_reads_or_refuses(data: dict[str, object]) -> None:
    """Never another exception than ConfigError."""
    try:
        config = parse(only_data(data)[0])
    except ConfigError:
        return
    assert all(limits.target <= limits.threshold for limits in config.thresholds)
