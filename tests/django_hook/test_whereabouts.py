"""The place of a query that no code of the project's makes, and of one in another kind of template."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from django_hook.middleware import DatabaseQueryMonitoringMiddleware
from tests.django_hook.recorded import Recorded

LIBRARY = """
from django.http import HttpResponse
from django.shortcuts import render

def shop(request):
    from tests.django_hook.nplus1app.models import Book
    for book in Book.objects.all():
        book.author.name
    return HttpResponse()

def pages(request):
    from tests.django_hook.nplus1app.models import Book
    return render(request, "nplus1app/loop.html", {"books": Book.objects.all()})

def call_back(function, rows):
    return [function(row) for row in rows]
"""


@pytest.fixture
def shoplib(tmp_path: Path) -> Iterator[ModuleType]:
    """A package that is installed."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "shoplib.py").write_text(textwrap.dedent(LIBRARY))
    sys.path.insert(0, str(folder))
    yield importlib.import_module("shoplib")
    sys.path.remove(str(folder))
    del sys.modules["shoplib"]


def visit(recorded: Recorded, view: object) -> tuple[str | None, str | None]:
    """Place and detail of the N+1 in a view."""
    record = DatabaseQueryMonitoringMiddleware(view)  # type: ignore[arg-type]
    record(RequestFactory().get("/"))
    (finding,) = recorded.only.n_plus_one
    return finding.place, finding.detail


def test_a_view_of_a_library(recorded: Recorded, shoplib: ModuleType) -> None:
    """Where only a library's code is on the way, its line is told, and that it is a library's."""
    place, detail = visit(recorded, shoplib.shop)
    assert place is not None
    assert place.endswith("shoplib.py:8 in shop")
    assert detail == "select_related('author') on Book; in a library's code"


def test_a_template_of_a_library_view(recorded: Recorded, shoplib: ModuleType) -> None:
    """The template that asks is told, whoever renders it."""
    place, detail = visit(recorded, shoplib.pages)
    assert (place, detail) == ("nplus1app/loop.html:2", "select_related('author') on Book")


def test_own_code_called_by_a_library(recorded: Recorded, shoplib: ModuleType) -> None:
    """The project's own line is nearer to its people than the library's that calls it."""
    from tests.django_hook.nplus1app.models import Book

    def author_name(book: Book) -> str:
        return book.author.name

    def view(request: HttpRequest) -> HttpResponse:
        shoplib.call_back(author_name, Book.objects.all())
        return HttpResponse()

    place, _ = visit(recorded, view)
    assert place is not None
    assert place.startswith("test_whereabouts.py:")
    assert place.endswith(".author_name")


class JinjaTemplate:
    """What Jinja keeps of a template beside its compiled functions."""

    name = "shop/list.html"

    def get_corresponding_lineno(self, line: int) -> int:
        """Lines of the template are a tenth of the compiled ones."""
        return line // 10


def test_a_jinja_template(recorded: Recorded) -> None:
    """A template of Jinja's is named with its own line, not that of its compiled function."""
    from tests.django_hook.nplus1app.models import Book

    compiled = "\n" * 39 + "def root(books):\n    return [book.author.name for book in books]\n"
    namespace: dict[str, Any] = {"__jinja_template__": JinjaTemplate()}
    filename = str(Path(__file__).parent / "templates" / "list.html")
    exec(compile(compiled, filename, "exec"), namespace)

    def view(request: HttpRequest) -> HttpResponse:
        namespace["root"](Book.objects.all())
        return HttpResponse()

    place, detail = visit(recorded, view)
    assert place == "shop/list.html:4"
    assert detail == "select_related('author') on Book"


def test_djangos_own_code(recorded: Recorded) -> None:
    """Where there is neither, it is Django's line, and said so."""
    from django.contrib.auth.forms import UserCreationForm

    view = eval(  # a view without a file of its own
        "lambda request: [form({'username': f'user{i}'}).is_valid() for i in range(6)] and answer",
        {"form": UserCreationForm, "answer": HttpResponse()},
    )
    DatabaseQueryMonitoringMiddleware(view)(RequestFactory().get("/"))
    found = recorded.only.n_plus_one
    assert found
    for finding in found:
        assert finding.place is not None
        assert finding.place.startswith("django/")
        assert (finding.detail or "").endswith("in Django's code")
