"""Streams: to their end, their failure or their close."""

from __future__ import annotations

import pytest
from django.test import Client

from perfctl.model import Flag
from tests.django_hook.recorded import Recorded


def test_a_stream_is_recorded_at_its_end(recorded: Recorded) -> None:
    """Nothing is recorded before the last chunk is sent; then bytes, queries and lifetime are."""
    response = Client().get("/stream/")
    chunks = iter(response.streaming_content)
    assert next(chunks) == b"one"
    assert recorded.requests == []
    assert list(chunks) == [b"three"]
    request = recorded.only
    assert request.flags == Flag.STREAM
    assert request.response_bytes == 8
    assert request.queries == 1
    assert (request.lifetime_us or 0) >= request.duration_us


def test_duration_is_the_time_to_the_first_chunk(recorded: Recorded) -> None:
    """How long a client reads is the lifetime, not the duration."""
    recorded.get("/stream_slowly/")
    assert (recorded.only.lifetime_us or 0) - recorded.only.duration_us >= 20_000


def test_what_a_generator_does_last_counts(recorded: Recorded) -> None:
    """Queries in its `finally` belong to the request, also where the client leaves early."""
    recorded.get("/stream_with_end/")
    response = Client().get("/stream_with_end/")
    next(iter(response.streaming_content))
    response.close()
    assert [request.queries for request in recorded.requests] == [1, 1]
    assert [request.response_bytes for request in recorded.requests] == [6, 3]


def test_a_stream_that_nobody_reads(recorded: Recorded) -> None:
    """A stream that is closed before it began is recorded at the close."""
    response = Client().get("/stream/")
    response.close()
    assert recorded.only.route == "/stream/"
    assert recorded.only.lifetime_us is not None


def test_a_stream_is_recorded_once(recorded: Recorded) -> None:
    """End and close make one record."""
    response = recorded.get("/stream/")
    response.close()
    assert len(recorded.requests) == 1


def test_a_stream_that_breaks(recorded: Recorded) -> None:
    """An exception in a chunk is an error of the request, and goes on to the server."""
    with pytest.raises(Exception, match="refused"):
        recorded.get("/stream_broken/")
    request = recorded.only
    assert request.flags == Flag.STREAM | Flag.ERROR
    assert request.status == 200
    (error,) = recorded.errors
    assert error.type == "tests.django_hook.site.views.ShopError"
    assert [frame[2] for frame in error.frames] == ["stream_broken.chunks", "checkout"]
    assert error.request_id == request.request_id


def test_a_stream_in_which_the_worker_is_stopped(recorded: Recorded) -> None:
    """SystemExit in a chunk is recorded as killed."""
    with pytest.raises(SystemExit):
        recorded.get("/stream_exits/")
    assert recorded.only.flags == Flag.STREAM | Flag.ERROR | Flag.KILLED


def test_a_close_that_fails(recorded: Recorded) -> None:
    """A stream's own close may fail; Django ignores that, and the request is recorded."""
    recorded.get("/stream_failing_close/")
    assert recorded.only.response_bytes == 1


def test_a_list_as_stream(recorded: Recorded) -> None:
    """Any iterable streams."""
    assert recorded.get("/stream_list/").status_code == 200
    assert recorded.only.response_bytes == 3


def test_an_async_stream(recorded: Recorded) -> None:
    """An async stream under ASGI is followed like a sync one."""
    recorded.get_async("/stream_async/")
    request = recorded.only
    assert request.flags == Flag.STREAM
    assert (request.response_bytes, request.queries) == (8, 1)


def test_a_cancelled_async_stream(recorded: Recorded) -> None:
    """A client that leaves during a stream had its answer: cancelled, with the status it got."""
    import asyncio

    with pytest.raises(asyncio.CancelledError):
        recorded.get_async("/stream_async_cancelled/")
    assert recorded.only.flags == Flag.STREAM | Flag.CANCELLED
    assert recorded.only.status == 200


def test_a_sync_stream_under_asgi(recorded: Recorded) -> None:
    """Django reads a sync stream in a thread; its chunks count all the same."""
    with pytest.warns(Warning, match="must consume synchronous iterators"):
        recorded.get_async("/stream/")
    assert recorded.only.queries == 1


def test_a_file(recorded: Recorded) -> None:
    """A file is recorded when it is closed, with its length."""
    response = Client().get("/file/")
    assert b"".join(response.streaming_content) == b"0123456789"
    response.close()
    request = recorded.only
    assert request.flags == Flag.STREAM
    assert request.response_bytes == 10


def test_a_file_handed_to_the_server(recorded: Recorded) -> None:
    """With `wsgi.file_wrapper` the server gets the file, and its close ends the record."""
    import io
    from wsgiref.util import FileWrapper

    from django.core.handlers.wsgi import WSGIHandler
    from django.test import RequestFactory

    environ = RequestFactory().get("/file/").environ | {"wsgi.file_wrapper": FileWrapper}
    environ["wsgi.input"] = io.BytesIO()
    body = WSGIHandler()(environ, lambda status, headers, exc_info=None: None)
    assert isinstance(body, FileWrapper)
    assert b"".join(body) == b"0123456789"
    assert recorded.requests == []
    body.close()
    assert recorded.only.response_bytes == 10


def test_a_file_under_asgi(recorded: Recorded) -> None:
    """A file under ASGI is recorded when it is closed."""
    with pytest.warns(Warning, match="must consume synchronous iterators"):
        recorded.get_async("/file/")
    assert recorded.only.response_bytes == 10
