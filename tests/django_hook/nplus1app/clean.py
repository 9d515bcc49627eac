"""Views without an N+1; what looks like one is in the docstring."""

import sys

import django
from asgiref.sync import sync_to_async
from django.contrib.contenttypes.models import ContentType
from django.core.paginator import Paginator
from django.db import connection, transaction
from django.db.models import Count, Prefetch
from django.http import HttpResponse

from tests.django_hook.nplus1app.models import Author, Book, Loan, Profile, Setting, Tag


def answer(*results):
    return HttpResponse("ok")


def prefetch_related(request):
    """prefetch_related(), then used"""
    books = Book.objects.prefetch_related("tags")
    return answer([[tag.name for tag in book.tags.all()] for book in books])


def prefetch_with_queryset(request):
    """a Prefetch with a queryset of its own"""
    books = Prefetch("books", Book.objects.select_related("author"))
    return answer([list(a.books.all()) for a in Author.objects.prefetch_related(books)])


def select_related(request):
    """select_related(), then used"""
    return answer([book.author.name for book in Book.objects.select_related("author")])


def annotated(request):
    """counted by the database"""
    return answer([author.n for author in Author.objects.annotate(n=Count("books"))])


def same_query_twice(request):
    """the same query on two lines"""
    a = Book.objects.count()
    b = Book.objects.count()
    return answer(a + b)


def one_object(request):
    """one object, its relation read twice"""
    author = Author.objects.get(pk=1)
    first = list(author.books.all())
    second = list(author.books.all())
    return answer(first + second)


def three_chunks(request):
    """a long list of ids, looked up in three chunks"""
    found = []
    for start in (1, 5, 9):
        found += Book.objects.filter(id__in=range(start, start + 4))
    return answer(found)


def locked_in_chunks(request):
    """select_for_update() in four chunks"""
    with transaction.atomic():
        for start in (1, 4, 7, 10):
            list(Book.objects.select_for_update().filter(id__in=range(start, start + 3)))
    return answer()


def one_of(model, pk):
    return model.objects.get(pk=pk)


def helper_for_five_models(request):
    """one helper, five models"""
    return answer([one_of(model, 1) for model in (Book, Author, Tag, Profile, Setting)])


def setting(key):
    return Setting.objects.get(key=key).value


def helper_on_six_lines(request):
    """one helper, called on six lines"""
    a = setting("k1")
    b = setting("k2")
    c = setting("k3")
    d = setting("k4")
    e = setting("k5")
    f = setting("k6")
    return answer(a + b + c + d + e + f)


def load_settings():
    a = setting("k1")
    b = setting("k2")
    c = setting("k3")
    d = setting("k4")
    e = setting("k5")
    f = setting("k6")
    return a + b + c + d + e + f


def helper_on_six_lines_of_a_helper(request):
    """one helper, called on six lines of another one, which is called once"""
    return answer(load_settings())


def four_rows(request):
    """four rows are not yet enough"""
    return answer([book.author.name for book in Book.objects.all()[:4]])


def four_rows_and_one(request):
    """four rows, and the same statement once elsewhere"""
    Author.objects.get(pk=12)
    return answer([Author.objects.get(pk=pk) for pk in range(1, 5)])


def savepoints(request):
    """ten savepoints, nothing in them"""
    with transaction.atomic():
        for _ in range(10):
            with transaction.atomic():
                pass
    return answer()


def nested_atomic(request):
    """atomic blocks, one in another, with a query in the last"""

    def within(depth):
        with transaction.atomic():
            return within(depth - 1) if depth else Book.objects.count()

    return answer(within(8))


def bulk_create_in_batches(request):
    """bulk_create() in six batches"""
    Tag.objects.bulk_create([Tag(name=f"b{i}") for i in range(12)], batch_size=2)
    return answer()


def bulk_update_in_batches(request):
    """bulk_update() in six batches"""
    books = list(Book.objects.all())
    Book.objects.bulk_update(books, ["price"], batch_size=2)
    return answer()


def delete_in_batches(request):
    """delete() of a queryset that Django does in batches"""
    book = Book.objects.get(pk=1)
    Tag.objects.bulk_create([Tag(name="gone") for _ in range(700)])
    gone = Tag.objects.filter(name="gone")
    Book.tags.through.objects.bulk_create(
        [Book.tags.through(tag=tag, book=book) for tag in gone[:650]]
    )
    gone.delete()
    return answer()


def iterator_with_prefetch(request):
    """iterator() with prefetch_related(): six prefetches"""
    books = Book.objects.prefetch_related("tags").iterator(chunk_size=2)
    return answer([[tag.name for tag in book.tags.all()] for book in books])


def retry(request):
    """the same statement with the same parameters, three times"""
    for _ in range(3):
        Setting.objects.get(key="k1")
    return answer()


def poll(request):
    """the same statement with the same parameters, many times"""
    for _ in range(20):
        Setting.objects.get(key="k1")
    return answer()


def one_page(request):
    """a page of a paginator"""
    page = Paginator(Book.objects.order_by("pk").select_related("author"), 5).get_page(2)
    return answer([book.author.name for book in page])


def all_pages(request):
    """all pages of one result, one after the other"""
    paginator = Paginator(Book.objects.order_by("pk"), 2)
    return answer([list(page) for page in paginator])


def get_or_create_few(request):
    """get_or_create() of three rows"""
    for i in range(3):
        Setting.objects.get_or_create(key=f"few {i}")
    return answer()


def content_types(request):
    """content types, which Django caches"""
    ContentType.objects.clear_cache()
    models = (Author, Book, Tag, Setting, Profile, Loan)
    for _ in range(10):
        [ContentType.objects.get_for_model(model) for model in models[:4]]
    return answer()


def session(request):
    """a session, read and written"""
    for i in range(10):
        request.session[f"k{i}"] = i
    return answer()


def executemany(request):
    """executemany() with many rows"""
    with connection.cursor() as cursor:
        rows = ([f"row {i}"] for i in range(12))
        cursor.executemany("INSERT INTO library_tag (name) VALUES (%s)", rows)
    return answer()


def same_line_of_two_models(request):
    """one line, which asks for six models"""
    models = (Book, Author, Tag, Profile, Setting, Loan)
    return answer([model.objects.count() for model in models])


async def async_iterator_with_prefetch(request):
    """async: aiterator() with prefetch_related(): six prefetches"""
    async for book in Book.objects.prefetch_related("tags").aiterator(chunk_size=2):
        book.tags.all()
    return answer()


async def async_lines(request):
    """async: one helper, awaited on six lines"""
    look_up = sync_to_async(setting)
    a = await look_up("k1")
    b = await look_up("k2")
    c = await look_up("k3")
    d = await look_up("k4")
    e = await look_up("k5")
    f = await look_up("k6")
    return answer(a + b + c + d + e + f)


VIEWS = [
    value
    for value in list(globals().values())
    if getattr(value, "__module__", None) == __name__ and getattr(value, "__doc__", None)
]
if django.VERSION < (5, 0):  # cannot do that yet
    VIEWS.remove(async_iterator_with_prefetch)
sys.modules[__name__].VIEWS = VIEWS
