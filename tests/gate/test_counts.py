"""Query counts of a test run."""

from __future__ import annotations

import pytest

from perfctl.answers.gate import ExactRequest, QueryUse
from perfctl.gate.counts import (
    Asked,
    count_run,
    depends_on_order,
    function_of,
    latest,
    shape_of,
    shorten,
)

READ = 'SELECT "items_tag"."id" FROM "items_tag" WHERE "items_tag"."id" = ?'


def use(sql: str = READ, calls: int = 1, **changes: object) -> QueryUse:
    """Calls of one statement."""
    pattern = f"{abs(hash(sql)):012x}"[:12]
    return QueryUse(pattern, sql, calls, False, None, None, True)._replace(**changes)


def request(test: str = "t::a", *uses: QueryUse, **changes: object) -> ExactRequest:
    """A request whose number of queries is that of its uses."""
    total = sum(each.calls for each in uses)
    made = ExactRequest(test, "GET /items/", "/1", 1000, total, 0, 0, uses)
    return made._replace(**changes)


@pytest.mark.parametrize(
    "sql",
    [
        'SELECT "django_content_type"."id" FROM "django_content_type" WHERE "a" = ? LIMIT ?',
        "SELECT `django_content_type`.`id` FROM `django_content_type` WHERE `a` = ?",
        'INSERT INTO "django_content_type" ("app_label") VALUES (?) RETURNING "id"',
        'SELECT "django_site"."id" FROM "public"."django_site" WHERE "django_site"."id" = ?',
        "SAVEPOINT ?",
        "RELEASE SAVEPOINT ?",
        "ROLLBACK TO SAVEPOINT ?",
        "BEGIN",
        "SET TIME ZONE ?",
        "PRAGMA foreign_keys",
        "SELECT pg_catalog.set_config(?)",
        "SELECT VERSION(), @@sql_mode, @@default_storage_engine",
        "SELECT @@SQL_AUTO_IS_NULL",
        "SELECT ?",
    ],
)
def test_what_depends_on_the_order_of_tests_is_known(sql: str) -> None:
    """What Django keeps for the life of a process, and what steers a connection."""
    assert depends_on_order(sql)


@pytest.mark.parametrize(
    "sql",
    [
        READ,
        'SELECT "auth_permission"."id" FROM "auth_permission" INNER JOIN "django_content_type" ON (?)',
        'SELECT "items_item"."id" FROM "items_item" WHERE EXISTS(SELECT ? FROM "django_site")',
        'SELECT "django_session"."session_key" FROM "django_session" WHERE "expire_date" > ?',
        'UPDATE "items_item" SET "title" = ?',
        'SELECT "settings_set"."id" FROM "settings_set"',
        'SELECT "my_django_site"."id" FROM "my_django_site"',
        "WITH x AS (SELECT ?) SELECT a FROM x",
    ],
)
def test_other_statements_count(sql: str) -> None:
    """Also where such a table is only joined or looked into."""
    assert not depends_on_order(sql)


def test_a_shape_outlives_a_new_column() -> None:
    """Else a field added to a model would make all its known N+1 new ones."""
    wider = READ.replace('"items_tag"."id" FROM', '"items_tag"."id", "items_tag"."new" FROM')
    assert shape_of(READ) == shape_of(wider) == "SELECT items_tag"
    assert shape_of('INSERT INTO "a"."b" ("c") VALUES (?)') == "INSERT b"
    assert shape_of("CALL refresh()") == "CALL refresh()"


def test_a_place_outlives_a_new_line() -> None:
    """The function stays."""
    assert function_of("items/views.py:33 in listing") == "items/views.py listing"
    assert function_of("items/list.html:13") == "items/list.html"
    assert function_of(None) == ""


def test_statements_are_short_in_sentences() -> None:
    """Without columns, quotes and join conditions; never longer than a line."""
    joined = READ.replace("WHERE", 'INNER JOIN "x" ON ("x"."a" = "items_tag"."id") WHERE')
    assert shorten(joined) == "SELECT … FROM items_tag JOIN x WHERE items_tag.id = ?"
    assert shorten("SELECT COUNT(*) FROM t") == "SELECT COUNT(*) FROM t"
    assert len(shorten("x" * 500)) == 120


def test_requests_of_each_test_are_counted_without_what_depends_on_order() -> None:
    """The ones with most queries first; hits and misses of the cache beside them."""
    kept = use('SELECT "django_site"."id" FROM "django_site"', 2)
    run, statements = count_run(
        [
            request("a", use(calls=3), kept, cache_misses=1),
            request("a", use(calls=7)),
            request("b", use("SAVEPOINT ?", 4)),
        ]
    )
    route = run["GET /items/"]
    assert route.tests == {"a": [Asked(7), Asked(3, 0, 1)], "b": [Asked(0)]}
    assert route.most == 7
    assert statements == {use().pattern: READ}
    assert route.patterns == {use().pattern: 7}


def test_a_project_can_leave_out_more() -> None:
    """By globs of statements."""
    flags = use('SELECT "waffle_flag"."id" FROM "waffle_flag"', 5)
    run, _ = count_run([request("a", use(), flags)], ['*FROM "waffle_flag"*'])
    assert run["GET /items/"].tests == {"a": [Asked(1)]}


def test_a_number_without_statements_counts_as_it_is() -> None:
    """A feeder may not give them."""
    run, _ = count_run([request("a", queries=12)])
    assert run["GET /items/"].tests == {"a": [Asked(12)]}


def test_statements_that_a_record_could_not_hold_are_counted_but_not_exact() -> None:
    """Some of them may depend on the order of tests."""
    run, _ = count_run([request("a", use("(other)", 9, is_known=False))])
    assert run["GET /items/"].tests == {"a": [Asked(9, is_exact=False)]}


def test_unwatched_requests_are_no_zero() -> None:
    """Nothing is known of them."""
    run, _ = count_run([request("a", queries=None)])
    assert (run["GET /items/"].tests, run["GET /items/"].unwatched) == ({}, 1)
    assert run["GET /items/"].most is None


def test_n_plus_one_is_kept_by_test_at_its_worst() -> None:
    """Named by table and function."""
    site = {"is_repeated": True, "call_site": "items/views.py:9 in page", "detail": "prefetch"}
    run, _ = count_run(
        [request("a", use(calls=6, **site)), request("a", use(calls=8, **site)),
         request("b", use(calls=5, **site))]
    )  # fmt: skip
    ((key, seen),) = run["GET /items/"].repeats.items()
    assert key == "SELECT items_tag items/views.py page"
    assert {test: sighting.calls for test, sighting in seen.items()} == {"a": 8, "b": 5}
    assert seen["a"].call_site == "items/views.py:9 in page"


def test_of_each_test_the_latest_process_counts() -> None:
    """A store may hold several runs, and a run several processes."""
    old, new = request("a", use(calls=9), process="/1"), request("a", use(), process="/2")
    other = request("b", use(calls=4), process="/1")
    assert latest([old, other, new, new]) == [other, new, new]
