"""Whose code a file is."""

from __future__ import annotations

import pytest

from perfctl.recording.sources import (
    Mark,
    Origin,
    SourceMap,
    first_of,
    function_name,
    line_of,
)

DJANGO = "/env/lib/python3.11/site-packages/django"
MAP = SourceMap(
    project="/srv/shop",
    roots={
        DJANGO: Origin.FRAMEWORK,
        f"{DJANGO}/db": Origin.SKIPPED,
        "/env/lib/python3.11/site-packages/perfctl": Origin.SKIPPED,
    },
    standard_library=["/env/lib/python3.11"],
    search_path=["/srv", "/srv/shop/apps", "", "/env/lib/python3.11/site-packages"],
    marks={"/env/lib/python3.11/site-packages/django/base.py": {"stop": Mark.STOP}},
)


@pytest.mark.parametrize(
    ("filename", "origin"),
    [
        ("/srv/shop/orders/views.py", Origin.OWN),
        ("/elsewhere/checkout/lib.py", Origin.OWN),
        ("relative.py", Origin.OWN),
        ("/srv/shop/.venv/lib/python3.11/site-packages/lib/x.py", Origin.LIBRARY),
        ("/env/lib/python3.11/site-packages/shoplib/views.py", Origin.LIBRARY),
        ("/usr/lib/python3/dist-packages/lib.py", Origin.LIBRARY),
        (f"{DJANGO}/views/generic/list.py", Origin.FRAMEWORK),
        (f"{DJANGO}/db/models/query.py", Origin.SKIPPED),
        (f"{DJANGO}/base.py", Origin.MARKED),
        ("/env/lib/python3.11/json/decoder.py", Origin.SKIPPED),
        ("/env/lib/python3.11/site-packages/perfctl/recording/state.py", Origin.SKIPPED),
        ("<string>", Origin.SKIPPED),
        ("<frozen importlib._bootstrap>", Origin.SKIPPED),
    ],
)
def test_origin(filename: str, origin: Origin) -> None:
    """Own is what lies in no package folder, library or framework."""
    assert MAP.origin_of(filename) is origin
    assert MAP.origins[filename] is origin


def test_a_project_within_a_package() -> None:
    """A project that is installed, as perfctl's example is, is a project all the same."""
    root = "/env/site-packages/perfctl"
    example = SourceMap(project=f"{root}/examples/vault", roots={root: Origin.SKIPPED})
    assert example.origin_of(f"{root}/examples/vault/items/views.py") is Origin.OWN
    assert example.origin_of(f"{root}/cli.py") is Origin.SKIPPED


def test_a_project_above_the_interpreter() -> None:
    """A home folder may hold the project and the interpreter: its library is nobody's own."""
    home = SourceMap(project="/home/me", standard_library=["/home/me/.pyenv/lib/python3.11"])
    library = "/home/me/.pyenv/lib/python3.11"
    assert home.origin_of(f"{library}/json/decoder.py") is Origin.SKIPPED
    assert home.origin_of(f"{library}/site-packages/lib.py") is Origin.LIBRARY
    assert home.origin_of("/home/me/shop/views.py") is Origin.OWN


@pytest.mark.parametrize(
    ("filename", "shown"),
    [
        ("/srv/shop/orders/views.py", "orders/views.py"),
        ("/srv/tools/x.py", "tools/x.py"),
        ("/env/lib/python3.11/site-packages/lib/x.py", "lib/x.py"),
        ("/other/x.py", "/other/x.py"),
    ],
)
def test_shown_name(filename: str, shown: str) -> None:
    """A file is named from the project, else from where it is imported."""
    assert MAP.shorten(filename) == shown


def outer() -> object:
    return [x * 2 for x in range(3)]  # the line


class Things:
    def method(self) -> object:
        def inner() -> object:
            return None

        return inner


def test_function_name() -> None:
    """A comprehension goes by the function around it, an inner function by both."""
    comprehension = next(c for c in outer.__code__.co_consts if hasattr(c, "co_name"))
    assert function_name(comprehension) == "outer"
    inner = Things().method()
    assert function_name(inner.__code__) == "Things.method.inner"  # type: ignore[attr-defined]
    assert function_name(compile("1", "x.py", "exec")) == "<module>"


def test_line() -> None:
    """The line of an instruction, the first of the function where there is none."""
    code = outer.__code__
    assert line_of(code, 4) == code.co_firstlineno + 1
    assert line_of(code, 100_000) == code.co_firstlineno


def test_instructions_of_one_expression_are_one() -> None:
    """CPython 3.11 calls from PRECALL once it knows what it calls, and from CALL before."""
    code = outer.__code__
    positions = list(code.co_positions())
    for at, position in enumerate(positions):
        assert positions[first_of(code, at * 2) // 2] == position
    assert first_of(code, 100_000) == 100_000
