"""Answers of each kind that a request can have."""

import asyncio
import io
import os
import time

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.core.cache import cache, caches
from django.http import (
    FileResponse,
    Http404,
    HttpResponse,
    HttpResponseNotFound,
    StreamingHttpResponse,
)
from django.template.response import TemplateResponse
from django.test import Client

import django_hook
from tests.django_hook.nplus1app.models import Author, Book


def plain(request, **kwargs):
    return HttpResponse(b"hello")


async def plain_async(request):
    await asyncio.sleep(0)
    return HttpResponse(b"hello")


def queries(request):
    Book.objects.count()
    Author.objects.get(pk=1)
    return HttpResponse()


async def queries_async(request):
    await Book.objects.acount()
    await Author.objects.aget(pk=1)
    return HttpResponse()


def failing_query(request):
    from django.db import DatabaseError, connection

    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT nothing FROM nowhere")
        except DatabaseError:
            return HttpResponse("no such table")


class ShopError(Exception):
    """An exception of the project's own."""


def checkout():
    raise ShopError("card 4111 1111 1111 1111 of bob@example.com refused")


def broken(request):
    checkout()


async def broken_async(request):
    checkout()


def unprintable(request):
    class Unprintable(Exception):
        def __str__(self):
            raise RuntimeError("no")

    raise Unprintable


def missing(request):
    return HttpResponseNotFound()


def raises_404(request):
    raise Http404


def server_error(request):
    return HttpResponse(status=503)


def marked(request):
    try:
        checkout()
    except ShopError as exc:
        django_hook.mark_error(request, exc)
    return HttpResponse("sorry")


def marked_without_exception(request):
    django_hook.mark_error(request)
    return HttpResponse("sorry")


def exits(request):
    raise SystemExit(3)


def interrupted(request):
    raise KeyboardInterrupt


async def cancelled(request):
    raise asyncio.CancelledError


def named(request):
    django_hook.name(request, request.GET["operation"])
    return HttpResponse()


@django_hook.measure("decorated")
def timed():
    with django_hook.measure("inner"):
        pass


@django_hook.measure("awaited")
async def timed_async():
    async with django_hook.measure("async block"):
        await asyncio.sleep(0)


def measured(request):
    timed()
    timed()
    return HttpResponse()


async def measured_async(request):
    await timed_async()
    await asyncio.gather(timed_async(), timed_async())
    return HttpResponse()


def many_measured(request):
    for i in range(200):
        with django_hook.measure(f"part {i}"):
            pass
    return HttpResponse()


def stream(request):
    def chunks():
        yield b"one"
        Book.objects.count()
        yield b"three"

    return StreamingHttpResponse(chunks())


def stream_with_end(request):
    def chunks():
        try:
            yield b"one"
            yield b"two"
        finally:
            Author.objects.count()

    return StreamingHttpResponse(chunks())


def stream_slowly(request):
    def chunks():
        yield b"first"
        time.sleep(0.02)
        yield b"last"

    return StreamingHttpResponse(chunks())


def stream_broken(request):
    def chunks():
        yield b"one"
        checkout()

    return StreamingHttpResponse(chunks())


def stream_exits(request):
    def chunks():
        yield b"one"
        raise SystemExit

    return StreamingHttpResponse(chunks())


def stream_list(request):
    return StreamingHttpResponse([b"a", b"bc"])


class FailingClose:
    """A stream whose end fails."""

    def __iter__(self):
        return iter([b"x"])

    def close(self):
        raise ShopError


def stream_failing_close(request):
    return StreamingHttpResponse(FailingClose())


async def stream_async(request):
    async def chunks():
        yield b"one"
        await Book.objects.acount()
        yield b"three"

    return StreamingHttpResponse(chunks())


async def stream_async_cancelled(request):
    async def chunks():
        yield b"one"
        raise asyncio.CancelledError

    return StreamingHttpResponse(chunks())


def file(request):
    return FileResponse(io.BytesIO(b"0123456789"))


def template(request):
    return TemplateResponse(request, "nplus1app/loop.html", {"books": []})


def caching(request):
    cache.get("page:1")
    cache.set("page:1", 1)
    cache.get("page:1")
    cache.get_many(["page:1", "page:2", "user:7", "a1b2c3d4e5f6"])
    caches["other"].add("lock:x", 1)
    return HttpResponse()


def caching_all(request):
    """Each operation once, on a prefix of its own."""
    cache.set_many({"set_many:1": 1, "set_many:2": 2})
    cache.add("add:1", 1)
    cache.set("incr:1", 1)
    cache.incr("incr:1")
    cache.decr("incr:1")
    cache.touch("touch:1")
    cache.has_key("has_key:1")
    "contains:1" in cache  # noqa: B015
    cache.delete("delete:1")
    cache.delete_many(key for key in ("delete_many:1", "delete_many:2"))
    cache.get("with_default:1", "default")
    cache.get(key="by_keyword:1", default=None)
    cache.set("version:1", 1)
    cache.incr_version("version:1")
    return HttpResponse(str(cache.get("none:1", "default")))


def get_or_set(request):
    values = [cache.get_or_set("made:1", lambda: cache.get("other:1", 5)) for _ in range(3)]
    values.append(cache.get_or_set("plain:1", 6))
    return HttpResponse(str(values))


async def caching_async(request):
    await cache.aget("page:1")
    await cache.aset("page:1", 1)
    await cache.aget_many(["page:1", "page:2"])
    await cache.aget_or_set("made:1", 5)
    await cache.aincr("page:1")
    await asyncio.gather(*[cache.aget(f"many:{i}") for i in range(4)])
    return HttpResponse()


def nested(request):
    """A request made while another one runs."""
    Book.objects.count()
    inner = Client().get("/queries/")
    Book.objects.count()
    return HttpResponse(inner.content)


def forks(request):
    """The child goes its own way up the stack, as a careless project's does."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return HttpResponse("parent")
    return HttpResponse("child")


def user(request):
    return HttpResponse(str(request.user.pk))


def set_user(request):
    """A framework that authenticates in the view puts the user on the request."""
    request.user = get_user_model().objects.get(username="bob")
    return HttpResponse()


async def auser(request):
    return HttpResponse(str((await request.auser()).pk))


def own_request_id(request):
    return HttpResponse(headers={"X-Request-ID": request.GET["id"]})


def sync_in_thread(request):
    return HttpResponse()


async def threads(request):
    await sync_to_async(Book.objects.count)()
    return HttpResponse()
