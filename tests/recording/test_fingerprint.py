"""The shape of SQL statements: values never stay, lists of any length are one."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfctl.recording.fingerprint import (
    LONGEST,
    Dialect,
    Kind,
    fingerprint,
    has_comment,
    kind_of,
    strip_comments,
    without_offset,
)

STANDARD, SQLITE, MYSQL = Dialect.STANDARD, Dialect.SQLITE, Dialect.MYSQL


@pytest.mark.parametrize(
    ("sql", "shape"),
    [
        (
            'SELECT "a"."id" FROM "a" WHERE "a"."id" = %s LIMIT 21',
            'SELECT "a"."id" FROM "a" WHERE "a"."id" = ? LIMIT ?',
        ),
        ("SELECT a FROM t WHERE b = 5 AND c = -1.5e3", "SELECT a FROM t WHERE b = ? AND c = ?"),
        ("SELECT a FROM t1 WHERE col2 = 0xFF", "SELECT a FROM t1 WHERE col2 = ?"),
        ("SELECT a - 5, b-5 FROM t", "SELECT a - ?, b-? FROM t"),
        ("SELECT  a\n\tFROM   t", "SELECT a FROM t"),
        ("SELECT 1 WHERE a IN (1, 2,3)", "SELECT ? WHERE a IN (?)"),
        ("SELECT 1 WHERE a IN (%s)", "SELECT ? WHERE a IN (?)"),
        ("SELECT 1 WHERE a IN (%s, %s, %s)", "SELECT ? WHERE a IN (?)"),
        ("SELECT 1 WHERE (a, b) IN ((1, 2), (3, 4))", "SELECT ? WHERE (a, b) IN ((?))"),
        ("INSERT INTO t (a, b) VALUES (%s, %s), (%s, %s)", "INSERT INTO t (a, b) VALUES (?)"),
        (
            "INSERT INTO t VALUES (f(%s), NOW()), (f(%s), NOW())",
            "INSERT INTO t VALUES (f(?), NOW())",
        ),
        (
            "UPDATE t SET a = CASE WHEN (id = %s) THEN %s WHEN (id = %s) THEN %s ELSE NULL END",
            "UPDATE t SET a = CASE WHEN (id = ?) THEN ? ELSE NULL END",
        ),
        (
            "SELECT a FROM t WHERE ((b = %s AND c = %s) OR (b = %s AND c = %s))",
            "SELECT a FROM t WHERE ((b = ? AND c = ?))",
        ),
        ("SELECT a FROM t WHERE b = 'it''s' AND c = 1", "SELECT a FROM t WHERE b = ? AND c = ?"),
        ("SELECT a FROM t WHERE b = 'C:\\' AND c = 'd'", "SELECT a FROM t WHERE b = ? AND c = ?"),
        (
            "SELECT a FROM t WHERE b = E'it\\'s' AND c = 'd'",
            "SELECT a FROM t WHERE b = ? AND c = ?",
        ),
        (
            "SELECT a FROM t WHERE b = $x$it's$x$ AND c = $1",
            "SELECT a FROM t WHERE b = ? AND c = ?",
        ),
        ("SELECT a FROM t WHERE b::text = :name", "SELECT a FROM t WHERE b::text = ?"),
        ("SELECT a FROM t WHERE b = %(name)s", "SELECT a FROM t WHERE b = ?"),
        ("SELECT \"it's\" FROM t WHERE b = 'c'", 'SELECT "it\'s" FROM t WHERE b = ?'),
        ("SELECT ARRAY[1, 2], a[1] FROM t", "SELECT ARRAY[?], a[?] FROM t"),
        ("SELECT ARRAY[x, 'secret'] FROM t", "SELECT ARRAY[x, ?] FROM t"),
        ("SELECT a FROM t WHERE b = 4111_1111_1111_1111", "SELECT a FROM t WHERE b = ?"),
        (
            "SELECT a FROM t WHERE b IN (0b1011, 0o17, 0xdead_beef)",
            "SELECT a FROM t WHERE b IN (?)",
        ),
        ("SELECT a FROM t WHERE b = -1_000.5", "SELECT a FROM t WHERE b = ?"),
        ("SELECT a_1, t_0b1.b2 FROM t_0b1", "SELECT a_1, t_0b1.b2 FROM t_0b1"),
        ("SELECT a FROM t WHERE b = q'[it's Bob]' AND c", "SELECT a FROM t WHERE b = ? AND c"),
        ("SELECT a FROM t WHERE b = nQ'!it's Bob!' AND c", "SELECT a FROM t WHERE b = ? AND c"),
        ("SELECT a FROM t WHERE b LIKE'bob'", "SELECT a FROM t WHERE b LIKE?"),
        ('SAVEPOINT "s140_x1"', "SAVEPOINT ?"),
        ('RELEASE SAVEPOINT "s140_x1"', "RELEASE SAVEPOINT ?"),
        ('ROLLBACK TO SAVEPOINT "s140_x1"', "ROLLBACK TO SAVEPOINT ?"),
        ("BEGIN IMMEDIATE", "BEGIN IMMEDIATE"),
    ],
)
def test_shape(sql: str, shape: str) -> None:
    """Values become `?`, lists one, white space one blank."""
    assert fingerprint(sql) == shape


@pytest.mark.parametrize(
    ("sql", "shape"),
    [
        ('SELECT a FROM t WHERE b = "bob"', "SELECT a FROM t WHERE b = ?"),
        ('SELECT a FROM t WHERE b IN ("x", "y")', "SELECT a FROM t WHERE b IN (?)"),
        ('SELECT a FROM t WHERE b LIKE "x%"', "SELECT a FROM t WHERE b LIKE ?"),
        ('SELECT a FROM t WHERE "t"."a" = "u"."b"', 'SELECT a FROM t WHERE "t"."a" = "u"."b"'),
        (
            'INSERT INTO "t" ("a", "b") VALUES ("x", \'y)\')',
            'INSERT INTO "t" ("a", "b") VALUES (?)',
        ),
        (
            'INSERT INTO t ("a", "b") VALUES (%s, upper("x")), (5, "y")',
            'INSERT INTO t ("a", "b") VALUES (?, upper(?))',
        ),
        ('SELECT a FROM t WHERE b IS "bob"', "SELECT a FROM t WHERE b IS ?"),
        ('SELECT a FROM t WHERE b IS NOT "bob"', "SELECT a FROM t WHERE b IS NOT ?"),
        (
            'SELECT a FROM t WHERE b IS DISTINCT FROM "x"',
            "SELECT a FROM t WHERE b IS DISTINCT FROM ?",
        ),
        (
            'SELECT a FROM t WHERE b BETWEEN "a1" AND "bob" AND "c" = 1',
            "SELECT a FROM t WHERE b BETWEEN ? AND ? AND ? = ?",
        ),
        ('SELECT coalesce("bob", a) FROM t', "SELECT coalesce(?, a) FROM t"),
        ('SELECT coalesce(a, "it)s", "bob") FROM t', "SELECT coalesce(a, ?, ?) FROM t"),
        ('SELECT a FROM t WHERE (b, c) IN (("x", "y"))', "SELECT a FROM t WHERE (b, c) IN ((?))"),
        (
            'SELECT CASE WHEN "t"."a" THEN "bob" ELSE "eve" END FROM "t"',
            'SELECT CASE WHEN "t"."a" THEN ? ELSE ? END FROM "t"',
        ),
        ('SELECT "x", a FROM t', "SELECT ?, a FROM t"),
        ('SELECT a FROM t WHERE "x" = b', "SELECT a FROM t WHERE ? = b"),
        (
            'SELECT a FROM t WHERE b IN (SELECT "x", c FROM t)',
            "SELECT a FROM t WHERE b IN (SELECT ?, c FROM t)",
        ),
        (
            'SELECT a FROM t GROUP BY "x", b ORDER BY b, "x" DESC',
            "SELECT a FROM t GROUP BY ?, b ORDER BY b, ? DESC",
        ),
        ('INSERT INTO "t" ("a") SELECT "x" FROM u', 'INSERT INTO "t" ("a") SELECT ? FROM u'),
        ('SELECT SUM("x") FROM t', "SELECT SUM(?) FROM t"),
        (
            'SELECT SUM("n") FROM (SELECT "t"."n" AS "n" FROM "t") "s" WHERE "s"."n" > 3',
            'SELECT SUM("n") FROM (SELECT "t"."n" AS "n" FROM "t") "s" WHERE "s"."n" > ?',
        ),
        ('SELECT "t"."a" AS "a" FROM "t" UNION SELECT "u"."b" FROM "u" ORDER BY "a" ASC', None),
        ('WITH "w" ("a") AS (SELECT "t"."b" FROM "t") SELECT w.a FROM "w"', None),
        ('UPDATE "t" SET "a" = %s, "b" = "x"', 'UPDATE "t" SET "a" = ?, "b" = ?'),
        (
            'UPDATE "t" SET "a" = CASE WHEN ("t"."id" = 1) THEN "x" END, "b" = 2 WHERE "x" = c',
            'UPDATE "t" SET "a" = CASE WHEN ("t"."id" = ?) THEN ? END, "b" = ? WHERE ? = c',
        ),
        (
            'UPDATE "t" SET "a" = 1 RETURNING "t"."id", "x" = b',
            'UPDATE "t" SET "a" = ? RETURNING "t"."id", ? = b',
        ),
        ('CREATE TABLE t ("a" text, "b" text, UNIQUE ("a", "b"))', None),
        ('CREATE INDEX "i" ON "t" ("a", "b")', None),
        ('CREATE TABLE t AS SELECT "x"', "CREATE TABLE t AS SELECT ?"),
        (
            'CREATE INDEX "i" ON "t" ("a") WHERE "a" IS NOT "x"',
            'CREATE INDEX "i" ON "t" ("a") WHERE "a" IS NOT ?',
        ),
        (
            'CREATE TABLE "t" ("a" int PRIMARY KEY, "b" int REFERENCES "u" ("c"), UNIQUE ("a", "b"))',
            None,
        ),
        ('UPDATE OR IGNORE "t" SET "a" = ?', None),
        ('INSERT INTO main."t" ("a") VALUES (?)', None),
        ('SELECT "t"."a" FROM "t" JOIN "u" USING ("a")', None),
        (
            'INSERT INTO t ("a") VALUES (%s) ON CONFLICT ("a", "b") DO NOTHING',
            'INSERT INTO t ("a") VALUES (?) ON CONFLICT ("a", "b") DO NOTHING',
        ),
    ],
)
def test_double_quotes_of_sqlite(sql: str, shape: str | None) -> None:
    """SQLite takes a name in double quotes for a text where no such name exists."""
    assert fingerprint(sql, SQLITE) == (sql if shape is None else shape)


_VALUES_OF_SQLITE = [
    'SELECT a FROM t WHERE b IS NOT DISTINCT FROM "s3cret"',
    'SELECT a FROM t WHERE b IS DISTINCT FROM "s3cret" AND c = 1',
    'SELECT "s3cret" , a FROM t ORDER BY "s3cret" , a',
    'SELECT a FROM t WHERE b IN ( "x" , "s3cret" ) GROUP BY "s3cret"',
    'SELECT CASE WHEN "s3cret" = a THEN "s3cret" ELSE "s3cret" END FROM t',
    'UPDATE t SET a = "s3cret" , b = ( SELECT "s3cret" ) WHERE "s3cret" = c',
    'INSERT INTO t ( "a" ) SELECT "s3cret" FROM u RETURNING id , "s3cret" = a',
    'CREATE TRIGGER x AFTER INSERT ON t BEGIN INSERT INTO log VALUES ( "s3cret" ) ; END',
    'CREATE TRIGGER x AFTER INSERT ON t BEGIN UPDATE t SET a = lower( "s3cret" ) ; END',
    'CREATE TABLE t ( a TEXT CHECK ( a IN ( "s3cret" , "other" ) ) )',
    'CREATE TABLE t ( a TEXT DEFAULT "s3cret" CHECK ( a <> upper( "s3cret" ) ) )',
    'VACUUM INTO "/home/s3cret.db"',
]


@given(
    st.sampled_from(_VALUES_OF_SQLITE),
    st.lists(
        st.sampled_from([" ", "\n", "\t  ", " " * 90, " /* FROM */ ", " -- AS\n", "  /*(*/ "]),
        min_size=1,
        max_size=9,
    ),
)
def test_no_value_of_sqlite_stays_however_it_is_set(sql: str, blanks: list[str]) -> None:
    """Blanks, line ends and comments between the words change nothing."""
    words = sql.split(" ")
    text = "".join(f"{word}{blanks[n % len(blanks)]}" for n, word in enumerate(words))
    assert "s3cret" not in fingerprint(text, SQLITE)
    assert "s3cret" not in fingerprint(sql, SQLITE)


@pytest.mark.parametrize(
    ("sql", "shape"),
    [
        ('SELECT `a` FROM t WHERE b = "it\\"s"', "SELECT `a` FROM t WHERE b = ?"),
        ("SELECT a FROM t WHERE b = 'it\\'s' AND c = 'd'", "SELECT a FROM t WHERE b = ? AND c = ?"),
        ("SELECT a FROM t # a comment\nWHERE b = 1", "SELECT a FROM t WHERE b = ?"),
    ],
)
def test_quotes_of_mysql(sql: str, shape: str) -> None:
    """MySQL writes texts in double quotes too, and escapes by backslash."""
    assert fingerprint(sql, MYSQL) == shape


@pytest.mark.parametrize(
    ("sql", "stripped"),
    [
        ("SELECT 1 /* trace=abc */", "SELECT 1"),
        ("SELECT 1 -- trace=abc\n + 2", "SELECT 1  \n + 2"),
        ("/* a /* b */ c */ SELECT 1", "SELECT 1"),
        ("/* a */ SELECT '/* b */' /* c", "SELECT '/* b */'"),
        ("SELECT '--' -- x", "SELECT '--'"),
        ('SELECT "--" FROM t', 'SELECT "--" FROM t'),
        ("/* a /* b /* c */ d */ e */ SELECT 1", "SELECT 1"),
        ("/* a /* b */ SELECT 1", "SELECT 1"),
        ("/* a /* b */ SELECT /* c /* d */ */ 1", "SELECT   1"),
    ],
)
def test_comments(sql: str, stripped: str) -> None:
    """Comments go, also nested ones; what is in quotes is none."""
    assert has_comment(sql)
    assert strip_comments(sql) == stripped


HOSTILE = ["/* */", "/*", "/*/* */", "/* /* */ */", "*/*", "''", "'a''b", "IN ('a''", 'IN ("a" ']
HOSTILE += [
    "VALUES (",
    "VALUES ((",
    "q'[",
    "$a$",
    "E'\\",
    '"',
    "(",
    "?,",
    "WHEN a ",
    "(a) OR ",
    "1_",
]
HOSTILE += ["-", "--", "`", "x'", "/* ' */ IN ('a' ", 'coalesce("a", ', 'IS "', " "]
_READ_HOSTILE = """
import sys
from perfctl.recording.fingerprint import Dialect, fingerprint, strip_comments
for hostile in sys.argv[1:]:
    for start in ("SELECT 1 ", "SELECT 1 /*", "SELECT 1 '", "SELECT f("):
        for dialect in Dialect:
            sql = start + hostile * (60_000 // len(hostile))
            fingerprint(strip_comments(sql, dialect), dialect)
            fingerprint(sql, dialect)
"""


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_statement_is_read_again_and_again(hostile: str) -> None:
    """60 KB of whatever comes are read at once: what took minutes is cut off, and fails."""
    subprocess.run([sys.executable, "-c", _READ_HOSTILE, hostile], check=True, timeout=10)


@pytest.mark.parametrize("dialect", list(Dialect))
@given(
    value=st.text(st.characters(exclude_characters="\\", exclude_categories=["Cs"]), max_size=40)
)
def test_no_value_stays(dialect: Dialect, value: str) -> None:
    """Whatever a quoted value holds, nothing of it is left."""
    quoted = value.replace("'", "''")
    shape = fingerprint(f"SELECT a FROM t WHERE b = '{quoted}' AND c = 1", dialect)
    assert shape == "SELECT a FROM t WHERE b = ? AND c = ?"


@given(sql=st.text(alphabet="SELECT aWHN'\"`()[],.?%s$x-*/\n\\0123=#:ORVALUES", max_size=300))
def test_any_text_has_a_shape(sql: str) -> None:
    """No text, however broken, is too much; the shape is one line."""
    for dialect in Dialect:
        shape = fingerprint(strip_comments(sql, dialect), dialect)
        assert "\n" not in shape
        assert len(shape) <= LONGEST


@given(n=st.integers(1, 200))
def test_lists_of_any_length_are_one_shape(n: int) -> None:
    """The length of an IN list makes no difference."""
    shape = fingerprint("SELECT a FROM t WHERE b IN (%s)")
    assert fingerprint(f"SELECT a FROM t WHERE b IN ({', '.join(['%s'] * n)})") == shape


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT 1", Kind.READ),
        (" (SELECT 1) UNION (SELECT 2)", Kind.READ),
        ("WITH x AS (SELECT 1) SELECT * FROM x", Kind.READ),
        ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", Kind.WRITE),
        ("insert into t values (1)", Kind.WRITE),
        ("UPDATE t SET a = 1", Kind.WRITE),
        ("CREATE TABLE t (a)", Kind.WRITE),
        ("SAVEPOINT x", Kind.CONTROL),
        ("BEGIN", Kind.CONTROL),
        ("PRAGMA foreign_keys = ON", Kind.CONTROL),
        ("SET search_path TO x", Kind.CONTROL),
        ("SETTINGS", Kind.WRITE),
    ],
)
def test_kind(sql: str, kind: Kind) -> None:
    """What reads, what writes, and what only steers."""
    assert kind_of(sql) is kind


def test_pages_of_one_result() -> None:
    """Two pages of a result are the same but for the offset."""
    assert without_offset("SELECT a LIMIT 5 OFFSET 10") == without_offset(
        "SELECT a LIMIT 5 OFFSET 15"
    )
