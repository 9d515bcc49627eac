"""What an N+1 is told to do instead: Django takes it, and then the N+1 is gone."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from .site import Site

_SHOP = """
    from tests.hook_behaviour.shop.models import *
    from django.db.models import Count, Q
    from django.shortcuts import render
    open_shop()
"""


def _view(path: str, body: str) -> str:
    lines = textwrap.indent(textwrap.dedent(body).strip(), " " * 8)
    return f"""
    @page("{path}")
    def view(request):
{lines}
        return HttpResponse()

    assert get("/{path}").status == 200
"""


def _details(site: Site, *bodies: str, **settings: Any) -> list[list[str]]:
    """What is told of each view's N+1, in the order of their cost."""
    views = [_view(f"{n}/", body) for n, body in enumerate(bodies)]
    site.run(_SHOP + "".join(views), **settings)
    requests = site.by_route()
    return [
        [f.detail or "" for f in requests[f"/{n}/"].findings if f.kind == "n"]
        for n in range(len(bodies))
    ]


@pytest.mark.parametrize(
    ("rows", "loop", "fix"),
    [
        ("Book", "for b in rows: b.author.name", "select_related('author')"),
        ("Author", "for a in rows: a.card.pk", "select_related('library_card')"),
        ("Book", "for b in rows: list(b.tags.all())", "prefetch_related('tags')"),
        ("Author", "for a in rows: list(a.book_set.all())", "prefetch_related('book_set')"),
        ("Author", "for a in rows: a.book_set.count()", "prefetch_related('book_set')"),
        ("Author", "for a in rows: a.book_set.exists()", "prefetch_related('book_set')"),
        ("Loan", "for l in rows: l.book.author.name", "select_related('book__author')"),
        (
            "Loan",
            "for l in rows:\n    b = l.book\n    a = b.author\n    a.card.pk",
            "select_related('book__author__library_card')",
        ),
        ("Loan", "for l in rows: list(l.book.tags.all())", "prefetch_related('book__tags')"),
        (
            "Loan",
            "[t.pk for l in rows for t in l.book.tags.all()]",
            "prefetch_related('book__tags')",
        ),
        ("Loan", "sorted(rows, key=lambda l: l.book.title)", "select_related('book')"),
        ("Node", "for n in rows: n.parent", "select_related('parent')"),
    ],
)
def test_the_fix_is_taken_by_the_loops_queryset_and_helps(
    rows: str, loop: str, fix: str, site: Site
) -> None:
    """The relation is told from the rows of the loop, by the name that the method knows it by."""
    nodes = "for n in range(6): Node.objects.create(parent=Node.objects.create())"
    before, after = _details(
        site, f"rows = {rows}.objects.all()\n{loop}", f"rows = {rows}.objects.{fix}\n{loop}"
    ) if rows != "Node" else _details(
        site,
        f"{nodes}\nrows = Node.objects.filter(parent__isnull=False)\n{loop}",
        f"rows = Node.objects.filter(parent__isnull=False).{fix}\n{loop}",
    )  # fmt: skip
    assert any(f"{fix} on {rows}" in detail for detail in before), before
    assert after == []


def test_rows_that_were_fetched_along_are_no_loop_of_their_own(site: Site) -> None:
    """Two levels, the outer one prefetched: the inner one belongs to the same queryset."""
    loop = "for a in rows:\n    for b in a.book_set.all(): list(b.tags.all())"
    before, after = _details(
        site,
        f"rows = Author.objects.prefetch_related('book_set')\n{loop}",
        f"rows = Author.objects.prefetch_related('book_set', 'book_set__tags')\n{loop}",
    )
    assert before == ["prefetch_related('book_set__tags') on Author"]
    assert after == []


def test_what_the_outer_loop_has_already_is_asked_of_it(site: Site) -> None:
    """A book from `author.book_set` leads back to the author, whose rows they are."""
    [details] = _details(
        site,
        """
        for author in Author.objects.prefetch_related("book_set"):
            for book in author.book_set.all():
                book.author.card.pk
        """,
    )
    assert details == ["select_related('library_card') on Author"]


def test_where_the_rows_are_out_of_sight_the_model_is_named(site: Site) -> None:
    """Not the loop's: its variables hold no rows."""
    [details] = _details(
        site,
        """
        shelf = [{"book": loan.book} for loan in Loan.objects.select_related("book")]
        for entry in shelf: entry["book"].author.name
        """,
    )
    assert details == ["select_related('author') on Book"]


def test_a_walk_from_parent_to_parent_is_one_relation(site: Site) -> None:
    """Not as many as there were steps so far."""
    [details] = _details(
        site,
        """
        node = None
        for _ in range(9): node = Node.objects.create(parent=node)
        def top_of(node): return top_of(node.parent) if node.parent else node
        top_of(Node.objects.get(pk=node.pk))
        """,
    )
    assert any("select_related('parent') on Node" in detail for detail in details)


def test_a_template_loop_is_told_from_its_rows(site: Site) -> None:
    """Whichever line of the template goes on from what another has fetched."""
    (site.folder / "loans.html").write_text(
        "{% for loan in loans %}\\n{{ loan.book.title }}\\n{{ loan.book.author.name }}\\n"
        "{% for tag in loan.book.tags.all %}{{ tag }}{% endfor %}{% endfor %}".replace("\\n", "\n")
    )
    templates = {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [str(site.folder)],
    }
    fixes = "select_related('book__author').prefetch_related('book__tags')"
    before, after = _details(
        site,
        'render(request, "loans.html", {"loans": Loan.objects.all()})',
        f'render(request, "loans.html", {{"loans": Loan.objects.{fixes}}})',
        TEMPLATES=[templates],
    )
    assert sorted(before) == [
        "prefetch_related('book__tags') on Loan",
        "select_related('book') on Loan",
        "select_related('book__author') on Loan",
    ]
    assert after == []


@pytest.mark.parametrize(
    ("ask", "fix"),
    [
        ("b.tags.filter(name='x').exists()", "annotate(found=Exists(…)) on Book"),
        ("b.tags.filter(name='x').count()", "annotate(n=Count('tags', filter=…)) on Book"),
        (
            "list(b.tags.filter(name='x'))",
            "prefetch_related(Prefetch('tags', queryset=…)) on Book, read by all():"
            " each filter() asks again",
        ),
        (
            "list(b.tags.values_list('name'))",
            "prefetch_related('tags') on Book, read by all(): another queryset asks again",
        ),
        (
            "b.tags.first()",
            "prefetch_related('tags') on Book, read by all(): another queryset asks again",
        ),
        ("b.tags.count()", "annotate(Count('tags')) on Book"),
        ("b.tags.exists()", "annotate(found=Exists(…)) on Book"),
        ("b.author.book_set.count()", "annotate(Count('author__book')) "),
        (
            "Tag.objects.get_or_create(name=b.title)",
            "one filter(name__in=…) on Tag, bulk_create() of",
        ),
        (
            "Tag.objects.update_or_create(name=b.title, defaults={'name': 'x'})",
            "bulk_create(update_conflicts=True) on Tag",
        ),
        ("Author.objects.filter(name=b.title).first()", "one filter(name__in=…) on Author"),
        ("Author.objects.get(pk=b.author_id)", "in_bulk() or one filter(pk__in=…) on Author"),
        ("list(Book.objects.filter(author=b.author_id))", "one filter(author__in=…) on Book"),
    ],
)
def test_what_a_prefetch_would_not_help_is_told_otherwise(ask: str, fix: str, site: Site) -> None:
    """A filter on what has been fetched asks again; a look-up by name is none by primary key."""
    [details] = _details(site, f"for b in Book.objects.all(): {ask}")
    assert any(detail.startswith(fix) for detail in details), details


def test_the_counts_that_are_told_are_taken(site: Site) -> None:
    """By the name in queries, which is not the accessor's."""
    site.run(
        _SHOP
        + """
    for counted in (
        Author.objects.annotate(Count('book')), Book.objects.annotate(Count('author__book')),
        Book.objects.annotate(n=Count('tags', filter=Q(tags__name="x"))),
    ):
        tell(len(counted))
    """
    )


def test_a_managers_own_condition_is_no_filter(site: Site) -> None:
    """The rows that a manager of the project's leaves out are left out by a prefetch too."""
    site.run(
        """
    from tests.hook_behaviour.shop.models import *

    class Present(models.Manager):
        def get_queryset(self):
            return super().get_queryset().filter(is_gone=False)

    class Note(models.Model):
        book = models.ForeignKey(Book, models.CASCADE)
        is_gone = models.BooleanField(default=False)
        objects = Present()

        class Meta:
            app_label = "shop"

    open_shop()
    create_tables(Note)

    @page("")
    def view(request):
        for book in Book.objects.all(): list(book.note_set.all())
        for book in Book.objects.all(): list(book.note_set.filter(pk=book.pk))
        return HttpResponse()

    assert get().status == 200
    """
    )
    assert {f.detail for f in site.request.findings if f.kind == "n"} == {
        "prefetch_related('note_set') on Book",
        "prefetch_related(Prefetch('note_set', queryset=…)) on Book, read by all():"
        " each filter() asks again",
    }


_LIBRARY = """
def names(rows, attribute):
    return [getattr(row, attribute).name for row in rows]

def get(rows):
    return [list(row.tags.all()) for row in rows]
"""


def _install(site: Site) -> str:
    """Put the library where packages are; the line that finds it."""
    packages = site.folder.parent / f"{site.folder.name}-env" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "lookup.py").write_text(_LIBRARY)
    return f"sys.path.append({str(packages)!r}); import lookup"


def test_a_librarys_get_is_no_querysets(site: Site) -> None:
    """As a view's method is named."""
    [details] = _details(site, f"{_install(site)}; lookup.get(Book.objects.all())")
    assert details == ["prefetch_related('tags') on Book"]


def test_a_librarys_line_is_told_anew_for_what_it_is_given(site: Site) -> None:
    """The same statement along the same frames, of another model's rows: as a serializer asks."""
    site.run(
        f"""
    {_install(site)}
    from tests.hook_behaviour.shop.models import *

    class Review(models.Model):
        critic = models.ForeignKey(Author, models.CASCADE)

        class Meta:
            app_label = "shop"

    open_shop()
    create_tables(Review)
    Review.objects.bulk_create(Review(critic=author) for author in Author.objects.all())

    def answer(request, model, name):
        lookup.names(model.objects.all(), name)
        return HttpResponse()

    page("books/")(lambda request: answer(request, Book, "author"))
    page("reviews/")(lambda request: answer(request, Review, "critic"))

    def shelf(kind):
        model, name = {{"b": (Book, "author"), "r": (Review, "critic")}}[kind]
        lookup.names(model.objects.all(), name)

    @page("<kind>/shelf/")
    def view(request, kind):
        shelf(kind)
        return HttpResponse()

    for path in ("/b/shelf/", "/r/shelf/", "/b/shelf/", "/r/shelf/"):
        assert get(path).status == 200
    """
    )
    told = [f.detail for request in site.requests for f in request.findings]
    fixes = [(detail or "").partition(";")[0] for detail in told]
    assert (
        fixes
        == [
            "select_related('author') on Book",
            "select_related('critic') on Review",
        ]
        * 2
    )
