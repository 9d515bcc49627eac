"""Views with an N+1. The line that asks again and again is marked; its kind is in the docstring.

Where the marked line is in another file, the view says so with `asks_in`.
"""

import asyncio
import sys

from asgiref.sync import sync_to_async
from django import forms
from django.db import connection, transaction
from django.db.models import Sum, prefetch_related_objects
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.template import Context, Template
from django.views.generic import ListView

from tests.django_hook.nplus1app.models import (
    Author,
    Book,
    Loan,
    Profile,
    Setting,
    Shelf,
    Tag,
)
from tests.django_hook.nplus1app.rows import N
from tests.django_hook.nplus1app.serializers import BookSerializer

HERE = "nplus1app/repeating.py"


def answer(*results):
    return HttpResponse("ok")


def asks_in(place, advice=None):
    """The place that a finding should name where the view has no marked line."""

    def mark(view):
        view.asks_in = place
        return view

    return mark


def foreign_key(request):
    """a foreign key, followed row by row: select_related('author')"""
    return answer([book.author.name for book in Book.objects.all()])  # N+1


def reverse_foreign_key(request):
    """a reverse foreign key, all() row by row: prefetch_related('books')"""
    return answer([list(author.books.all()) for author in Author.objects.all()])  # N+1


def lend_all():
    return Loan.objects.bulk_create([Loan(book_id=pk) for pk in range(1, N + 1)])


def two_foreign_keys(request):
    """two foreign keys, one behind the other: select_related('book__author')"""
    lend_all()
    for loan in Loan.objects.all():
        loan.book.author.name  # N+1  # noqa: B018
    return answer()


@asks_in("nplus1app/chain.html:2")
def template_chain(request):
    """the same in a template: select_related('book__author')"""
    lend_all()
    return render(request, "nplus1app/chain.html", {"loans": Loan.objects.all()})


def second_reverse_foreign_key(request):
    """the other one of two reverse foreign keys: prefetch_related('edited_books')"""
    return answer([list(author.edited_books.all()) for author in Author.objects.all()])  # N+1


def many_to_many(request):
    """many-to-many, all() row by row: prefetch_related('tags')"""
    return answer([list(book.tags.all()) for book in Book.objects.all()])  # N+1


def reverse_many_to_many(request):
    """many-to-many from its other side: prefetch_related('books')"""
    for name in range(6):
        Tag.objects.create(name=f"more {name}")
    return answer([list(tag.books.all()) for tag in Tag.objects.all()[:9]])  # N+1


def reverse_one_to_one(request):
    """a reverse one-to-one: select_related('profile')"""
    return answer([author.profile.bio for author in Author.objects.all()])  # N+1


def get(request):
    """objects.get() in a loop: in_bulk"""
    return answer([Book.objects.get(pk=pk) for pk in range(1, N + 1)])  # N+1


def first(request):
    """filter().first() in a loop"""
    return answer([Book.objects.filter(author_id=pk).first() for pk in range(1, N + 1)])  # N+1


def filter_list(request):
    """list(filter()) in a loop, no relation followed"""
    return answer([list(Book.objects.filter(price=price)) for price in range(1, N + 1)])  # N+1


def count(request):
    """count() of a relation row by row: annotate(Count('books'))"""
    return answer([author.books.count() for author in Author.objects.all()])  # N+1


def exists(request):
    """exists() of a relation row by row: 'books'"""
    return answer([author.books.exists() for author in Author.objects.all()])  # N+1


def aggregate(request):
    """aggregate() of a relation row by row: annotate()"""
    return answer(
        [author.books.aggregate(sum=Sum("price")) for author in Author.objects.all()]  # N+1
    )


def values_list(request):
    """values_list() of a relation row by row: prefetch_related('books')"""
    titles = []
    for author in Author.objects.all():
        titles += author.books.values_list("title", flat=True)  # N+1
    return answer(titles)


def deferred_field(request):
    """only(), and then the field that was left out: 'title'"""
    return answer([book.title for book in Book.objects.only("id")])  # N+1


def raw_with_parameters(request):
    """raw SQL with parameters, in a loop"""
    with connection.cursor() as cursor:
        for pk in range(1, N + 1):
            cursor.execute("SELECT title FROM library_book WHERE id = %s", [pk])  # N+1
            cursor.fetchone()
    return answer()


def raw_with_one_list(request):
    """raw SQL whose list of parameters is one object, changed for each row"""
    parameters = [0]
    with connection.cursor() as cursor:
        for pk in range(1, N + 1):
            parameters[0] = pk
            cursor.execute("SELECT title FROM library_book WHERE id = %s", parameters)  # N+1
    return answer()


def raw_with_literal(request):
    """raw SQL with the value in the text"""
    with connection.cursor() as cursor:
        for pk in range(1, N + 1):
            cursor.execute(f"SELECT title FROM library_book WHERE id = {pk}")  # N+1
            cursor.fetchone()
    return answer()


def raw_with_comment(request):
    """raw SQL with a comment of its own for each statement"""
    with connection.cursor() as cursor:
        for pk in range(1, N + 1):
            sql = f"SELECT title /* trace {pk} */ FROM library_book WHERE id = %s -- {pk}"
            cursor.execute(sql, [pk])  # N+1
    return answer()


def growing_in_list(request):
    """one query for each row, with a longer IN list each time"""
    found = []
    for last in range(1, N + 1):
        found += Book.objects.filter(id__in=list(range(1, last + 1)))  # N+1
    return answer(found)


def save(request):
    """save() row by row: bulk_update()"""
    for book in Book.objects.all():
        book.price += 1
        book.save()  # N+1
    return answer()


def create(request):
    """create() row by row: bulk_create()"""
    for i in range(N):
        Tag.objects.create(name=f"new {i}")  # N+1
    return answer()


def delete(request):
    """delete() row by row: one queryset"""
    Tag.objects.bulk_create([Tag(name="gone") for _ in range(N)])
    for tag in list(Tag.objects.filter(name="gone")):
        tag.delete()  # N+1
    return answer()


def update_rows(request):
    """update() of one row each: update()"""
    for pk in range(1, N + 1):
        Book.objects.filter(pk=pk).update(price=pk)  # N+1
    return answer()


TEXT = "{% for book in books %}{{ book.author.name }}{% endfor %}"


def template_text(request):
    """the loop is in a template without a name"""
    return answer(Template(TEXT).render(Context({"books": Book.objects.all()})))  # N+1


@asks_in("nplus1app/loop.html:2")
def template(request):
    """the loop is in a template: select_related('author')"""
    return render(request, "nplus1app/loop.html", {"books": Book.objects.all()})


@asks_in("nplus1app/row.html:2")
def template_include(request):
    """the loop is in a template, the access in one that it includes"""
    return render(request, "nplus1app/include.html", {"books": Book.objects.all()})


@asks_in("nplus1app/extends.html:4")
def template_inheritance(request):
    """the loop is in a block of a template that extends another"""
    return render(request, "nplus1app/extends.html", {"books": Book.objects.all()})


@asks_in("nplus1app/templatetags/library.py:10 in cheapest_of")
def template_tag(request):
    """a tag of the project asks: asked by nplus1app/tag.html:2"""
    return render(request, "nplus1app/tag.html", {"authors": Author.objects.all()})


@asks_in("nplus1app/templatetags/library.py:15 in tag_count")
def template_filter(request):
    """a filter of the project asks: asked by nplus1app/filter.html:2"""
    return render(request, "nplus1app/filter.html", {"books": Book.objects.all()})


@asks_in("nplus1app/models.py:34 in Book.__str__")
def model_str(request):
    """the model's own __str__ follows a relation: select_related('author')"""
    return render(request, "nplus1app/str.html", {"books": Book.objects.all()})


@asks_in("nplus1app/author_list.html:2")
class GenericView(ListView):
    """a generic view, whose template asks after the view is through: prefetch_related('books')"""

    model = Author
    template_name = "nplus1app/author_list.html"


generic_view = GenericView.as_view()
generic_view.asks_in = GenericView.asks_in


@asks_in("nplus1app/models.py:34 in Book.__str__")
def form_field(request):
    """the choices of a form follow a relation in __str__"""

    class Choice(forms.Form):
        book = forms.ModelChoiceField(Book.objects.all())

    return answer(str(Choice()["book"]))


@asks_in("nplus1app/models.py:38 in Book.author_name")
def model_property(request):
    """through a property of the model: called from nplus1app/repeating.py"""
    return answer([book.author_name for book in Book.objects.all()])


def nested(request):
    """two levels: the outer one prefetched, the inner one not: prefetch_related('books__tags') on Author"""
    for author in Author.objects.prefetch_related("books"):
        for book in author.books.all():
            list(book.tags.all())  # N+1
    return answer()


def interleaved(request):
    """two relations of each row, one after the other"""
    for book in Book.objects.all():
        book.author.name  # N+1  # noqa: B018
        list(book.tags.all())
    return answer()


@asks_in("nplus1app/serializers.py:14 in Serializer.data")
def serializer(request):
    """a serializer within a serializer asks for each row: prefetch_related('tags')"""
    return answer(BookSerializer(Book.objects.all(), many=True).data)


@asks_in("nplus1app/receivers.py:12 in note_loan")
def signal(request):
    """a receiver of post_save asks for each row that is saved"""
    for pk in range(1, N + 1):
        Loan(book_id=pk).save()
    return answer()


def names_below(shelf):
    return [shelf.name, [names_below(part) for part in shelf.parts.all()]]  # N+1


def recursion(request):
    """a tree, walked node by node: prefetch_related('parts')"""
    return answer(names_below(Shelf.objects.get(name="root")))


def chain(request):
    """a list, walked link by link, each step one call deeper"""
    last = None
    for i in range(8):
        last = Shelf.objects.create(name=f"link {i}", within=last)
    return answer(depth_of(Shelf.objects.get(pk=last.pk)))


def depth_of(shelf):
    return 1 + depth_of(shelf.within) if shelf.within else 0  # N+1


def rows_with_authors():
    for book in Book.objects.iterator():
        yield book.title, book.author.name  # N+1


def generator(request):
    """a generator asks for each row that it gives"""
    return answer(dict(rows_with_authors()))


def tags_of(book):
    return [tag.name for tag in Tag.objects.filter(books=book)]  # N+1


def comprehension_in_helper(request):
    """a helper with a comprehension, called for each row"""
    return answer([tags_of(book) for book in Book.objects.all()])


def bulk_create_of_one(request):
    """bulk_create() of one row, row by row: bulk_create()"""
    for i in range(N):
        Tag.objects.bulk_create([Tag(name=f"one {i}")])  # N+1
    return answer()


def bulk_create_of_two(request):
    """bulk_create() of a few rows, for each row of another: bulk_create()"""
    for author in Author.objects.all():
        Tag.objects.bulk_create([Tag(name=f"{author.pk} {i}") for i in range(2)])  # N+1
    return answer()


def bulk_update_of_one(request):
    """bulk_update() of one row, row by row"""
    for book in Book.objects.all():
        book.price += 1
        Book.objects.bulk_update([book], ["price"])  # N+1
    return answer()


def in_bulk_of_one(request):
    """in_bulk() of one key, row by row"""
    return answer([Author.objects.in_bulk([pk]) for pk in range(1, N + 1)])  # N+1


def prefetch_of_one(request):
    """prefetch_related_objects() of one row, row by row"""
    for book in Book.objects.all():
        prefetch_related_objects([book], "tags")  # N+1
    return answer()


def prefetch_row_by_row(request):
    """a queryset with prefetch_related(), evaluated for each row"""
    for author in Author.objects.all():
        list(author.books.prefetch_related("tags"))  # N+1
    return answer()


def get_or_create(request):
    """get_or_create() row by row"""
    for i in range(N):
        Setting.objects.get_or_create(key=f"made {i}")  # N+1
    return answer()


def in_atomic_blocks(request):
    """a query in a savepoint of its own, row by row"""
    with transaction.atomic():
        for pk in range(1, N + 1):
            with transaction.atomic():
                Author.objects.get(pk=pk)  # N+1
    return answer()


def many_to_many_add(request):
    """add() to a many-to-many, row by row"""
    tag = Tag.objects.create(name="added")
    for book in Book.objects.all():
        book.tags.add(tag)  # N+1
    return answer()


def select_for_update(request):
    """select_for_update().get() row by row"""
    with transaction.atomic():
        for pk in range(1, N + 1):
            Book.objects.select_for_update().get(pk=pk)  # N+1
    return answer()


def executemany_of_one(request):
    """executemany() of one row, row by row"""
    with connection.cursor() as cursor:
        for i in range(N):
            sql = "INSERT INTO library_tag (name) VALUES (%s)"
            cursor.executemany(sql, [[f"many {i}"]])  # N+1
    return answer()


def exactly_five(request):
    """five rows are enough"""
    return answer([book.author.name for book in Book.objects.all()[:5]])  # N+1


def few_different(request):
    """many calls with two sets of parameters"""
    return answer([Author.objects.get(pk=1 + i % 2) for i in range(N)])  # N+1


def stream(request):
    """a streamed answer asks for each chunk"""

    def lines():
        for pk in range(1, N + 1):
            yield Book.objects.get(pk=pk).title  # N+1

    return StreamingHttpResponse(lines())


def after_other_code(request):
    """the same statement elsewhere first"""
    Author.objects.get(pk=1)
    return answer([Author.objects.get(pk=pk) for pk in range(1, 6)])  # N+1


async def async_get(request):
    """async: await aget() row by row"""
    async for book in Book.objects.all():
        await Author.objects.aget(pk=book.author_id)  # N+1
    return answer()


async def author_of(pk):
    return await Author.objects.aget(pk=pk)  # N+1


async def async_gather(request):
    """async: a coroutine of the project for each row, gathered"""
    return answer(await asyncio.gather(*[author_of(pk) for pk in range(1, N + 1)]))


async def async_gather_of_querysets(request):
    """async: a coroutine of the ORM for each row, gathered"""
    return answer(
        await asyncio.gather(*[Author.objects.aget(pk=pk) for pk in range(1, N + 1)])  # N+1
    )


async def async_tasks(request):
    """async: a task for each row, in a group"""
    async with asyncio.TaskGroup() as group:
        for pk in range(1, N + 1):
            group.create_task(author_of(pk))
    return answer()


def name_of(pk):
    return Author.objects.get(pk=pk).name  # N+1


async def async_helper(request):
    """async: a sync helper of the project in a thread, row by row"""
    return answer([await sync_to_async(name_of)(pk) for pk in range(1, N + 1)])


async def async_stream(request):
    """async: a streamed answer asks for each chunk"""

    async def lines():
        for pk in range(1, N + 1):
            yield (await Book.objects.aget(pk=pk)).title  # N+1

    return StreamingHttpResponse(lines())


VIEWS = [
    value
    for value in list(globals().values())
    if getattr(value, "__module__", None) == __name__
    and getattr(value, "__doc__", None)
    and value not in (answer, asks_in, GenericView)
]
sys.modules[__name__].VIEWS = VIEWS
_ = Profile
