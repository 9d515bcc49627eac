"""SQL in the room of a cell."""

from __future__ import annotations

import pytest

from perfctl.render.statement import cut_statement

SELECT = (
    'SELECT "auth_user"."id", "auth_user"."username" FROM "auth_user" WHERE "auth_user"."id" = ?'
)


@pytest.mark.parametrize(
    ("sql", "cells", "shown"),
    [
        (SELECT, 100, SELECT.replace('"', "")),
        (SELECT, 70, "SELECT … FROM auth_user WHERE auth_user.id = ?"),
        ('SELECT "odd name" FROM `t`', 70, 'SELECT "odd name" FROM t'),
        (SELECT, 46, "SELECT … FROM auth_user WHERE auth_user.id = ?"),
        (SELECT, 40, "SELECT … FROM auth_user WHERE id = ?"),
        (SELECT, 30, "SELECT … FROM auth_user WHERE…"),
        (
            'SELECT "a"."b", "a"."c", "a"."d" FROM "a" INNER JOIN "v" ON ("a"."v_id" = "v"."id")'
            ' LEFT OUTER JOIN "w" ON ("a"."w_id" = "w"."id") WHERE "v"."owner_id" = ?',
            60,
            "SELECT … FROM a JOIN v JOIN w WHERE v.owner_id = ?",
        ),
        (
            'SELECT DISTINCT "a"."b", "a"."c", "a"."d" FROM "a" WHERE "a"."x" IN (?)',
            60,
            "SELECT DISTINCT a.b, a.c, a.d FROM a WHERE a.x IN (?)",
        ),
        (
            'SELECT COUNT(*) AS "__count" FROM "items_item" WHERE "items_item"."owner_id" = ?',
            40,
            "SELECT COUNT(*) AS __count FROM items_i…",
        ),
        (
            'INSERT INTO "items_item" ("id", "name", "owner_id", "created") VALUES (?)',
            50,
            "INSERT INTO items_item (…) VALUES (?)",
        ),
        ("UPDATE `items_item` SET `name` = ? WHERE `id` = ?", 30, "UPDATE items_item SET name = …"),
    ],
)
def test_cut_statement(sql: str, cells: int, shown: str) -> None:
    """The table and the condition stay longest."""
    assert cut_statement(sql, cells) == shown
