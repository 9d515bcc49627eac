"""What is never recorded: bodies, headers, cookies, query strings, parameters, messages, keys."""

from __future__ import annotations

import pytest

from .site import Site

CANARY = "c4n4ry"
"""Has digits: letters alone could be the prefix of a cache key, which is recorded."""

_LEAKY = f"""
    from django.contrib.sessions.backends.cache import SessionStore
    from django.core.files.uploadedfile import UploadedFile
    from django.test import AsyncClient, Client
    from tests.hook_behaviour.shop.models import *
    import warnings
    warnings.simplefilter("ignore")  # of keys that memcached would not take
    open_shop()
    canary = {CANARY!r}

    class Failed(Exception):
        pass

    def leak(request, key):
        request.session["secret"] = canary
        request.session.save()
        cache.set(f"{{canary}}:1", canary)
        cache.get_or_set(f"user:{{canary}}", lambda: canary)
        cache.get_many([f"a b:{{canary}}", canary])
        caches["default"].incr_version(f"{{canary}}:1")
        list(Author.objects.filter(name=canary))
        for n in range(6):
            Author.objects.filter(name=f"{{canary}}{{n}}").first()
            Tag.objects.create(name=f"{{canary}}{{n}}")
        list(Author.objects.raw(f"SELECT id, name FROM shop_author WHERE name = '{{canary}}'"))
        with connection.cursor() as cursor:
            for sql in (
                f"SELECT '{{canary}}'",
                f"SELECT 'it''s {{canary}}'",
                f'SELECT id FROM shop_tag WHERE name = "{{canary}}"',
                f"SELECT 1 -- {{canary}}",
                f"SELECT /* {{canary}} */ 1",
                f"SELECT id FROM shop_tag WHERE name IN ('{{canary}}', '{{canary}}2')",
                f"SELECT x'{{canary.encode().hex()}}'",
                f"INSERT INTO shop_tag (name) VALUES ('{{canary}}'), ('{{canary}}')",
                f"SELECT id FROM shop_tag WHERE name LIKE '%%{{canary}}%%'",
                f"SELECT '{{canary}}",
                f"SELECT 1 WHERE '{{canary}}\\n{{canary}}' = '' -- '{{canary}}",
            ):
                try:
                    cursor.execute(sql)
                except Exception:
                    pass
            cursor.execute("SELECT %s, %s", [canary, canary.encode()])
            cursor.executemany("INSERT INTO shop_tag (name) VALUES (%s)", [[canary], [canary + "2"]])
        try:
            Author.objects.create(name="a0")
        except Exception as exc:
            django_hook.mark_error(request, Failed(canary))
        request.META["HTTP_X_MADE_UP"] = canary

    @page("leak/<str:key>/")
    def view(request, key):
        leak(request, key)
        if "fail" in key:
            local = canary
            raise Failed(f"{{canary}} {{request.POST}} {{request.body[:20]}}")
        response = HttpResponse(canary)
        response.set_cookie("c", canary)
        response["X-Canary"] = canary
        return response

    @page("stream/<str:key>/")
    def stream(request, key):
        def chunks():
            yield canary
            leak(request, key)
            raise Failed(canary)
        return StreamingHttpResponse(chunks())
"""
_VISITS = """
    headers = {
        "HTTP_AUTHORIZATION": f"Bearer {canary}", "HTTP_COOKIE": f"a={canary}; sessionid={canary}",
        "HTTP_REFERER": f"https://example.com/{canary}", "HTTP_X_REQUEST_ID": canary,
        "HTTP_USER_AGENT": f"Mozilla/5.0 ({canary}) Firefox/121.0 {canary}",
        "HTTP_X_FORWARDED_FOR": canary, "HTTP_TRACEPARENT": canary, "HTTP_X_REQUEST_START": canary,
        "HTTP_HOST": f"{canary}.example.com", "HTTP_ACCEPT_LANGUAGE": canary,
    }
    client = Client(raise_request_exception=False, **headers)
    for path_ in (f"/leak/{canary}/", f"/leak/{canary}fail/", f"/{canary}/", f"/static/{canary}"):
        client.get(path_, {"q": canary, canary: "q"})
        client.post(path_, {"password": canary, canary: "x"})
        client.post(path_, f'{{"password": "{canary}"}}', content_type=f"application/json; {canary}")
        client.generic(canary, path_)
        tell(client.get(path_).status_code)
    response = client.get(f"/stream/{canary}/?{canary}")
    try:
        list(response.streaming_content)
    except Failed:
        pass
    response.close()
"""


@pytest.mark.parametrize("messages", [None, "redacted"])
def test_nothing_of_a_request_that_is_private_is_in_the_spool(
    messages: str | None, site: Site
) -> None:
    """A canary in every place where a secret may stand, in no byte of what is recorded."""
    text = _LEAKY + _VISITS
    if messages:
        # of messages only what redaction knows to be a value may be promised
        text = text.replace('Failed(f"{canary} {request.POST} {request.body[:20]}")',
                            'Failed(f"no user {canary!r}")')  # fmt: skip
        text = text.replace("Failed(canary)", 'Failed(f"token={canary}")')
    outcome = site.run(
        text,
        INSTALLED_APPS=["django.contrib.sessions"],
        SESSION_ENGINE="django.contrib.sessions.backends.cache",
        STATIC_URL="/static/",
        PERFCTL={"ERROR_MESSAGES": messages} if messages else {},
        MIDDLEWARE=[
            "Performance",
            "Database",
            "API",
            "Cache",
            "django.contrib.sessions.middleware.SessionMiddleware",
        ],
    )
    assert outcome.told == [200, 500, 404, 404]
    spool = site.spool
    assert len(spool.requests) == 21
    assert len(spool.errors) >= 8
    assert any(r.findings for r in spool.requests)
    assert any(r.queries == 28 for r in spool.requests)
    everything = b"\n".join(spool.lines)
    names = "".join(path.name for path in site.store.parent.rglob("*"))
    for hidden in (CANARY, CANARY.upper(), CANARY.encode().hex(), CANARY[::-1]):
        assert hidden.encode() not in everything
        assert hidden not in names
    assert not spool.counters


def test_the_log_says_nothing_private_of_a_request(site: Site) -> None:
    """A request that is recorded is not logged."""
    outcome = site.run(
        _LEAKY + _VISITS,
        INSTALLED_APPS=["django.contrib.sessions"],
        SESSION_ENGINE="django.contrib.sessions.backends.cache",
        MIDDLEWARE=[
            "Performance",
            "Database",
            "API",
            "Cache",
            "django.contrib.sessions.middleware.SessionMiddleware",
        ],
    )
    assert outcome.logs == []


@pytest.mark.parametrize(
    "sql",
    [
        'SELECT name || "c4n4ry" FROM shop_tag',
        'SELECT coalesce(name, "c4n4ry") FROM shop_tag',
        'SELECT id FROM shop_tag WHERE name != "c4n4ry"',
        'SELECT id FROM shop_tag WHERE name NOT LIKE "c4n4ry"',
        'SELECT id FROM shop_tag WHERE name BETWEEN "c4n4ry" AND "c4n4rz"',
        'SELECT id FROM shop_tag WHERE name GLOB "c4n4ry"',
        'SELECT id FROM shop_tag WHERE name IS "c4n4ry"',
        'UPDATE shop_tag SET name = CASE WHEN id = 1 THEN "c4n4ry" ELSE name END',
        'SELECT id FROM shop_tag WHERE name = lower("c4n4ry")',
        'SELECT "c4n4ry"',
        'SELECT id FROM shop_tag WHERE "c4n4ry" = name',
        'INSERT INTO shop_tag (name) SELECT "c4n4ry"',
    ],
)
def test_a_value_in_double_quotes_is_replaced(sql: str, site: Site) -> None:
    """SQLite takes "..." for a value where no such name exists."""
    site.run(
        f"""
    from tests.hook_behaviour.shop.models import *
    open_shop()

    @page("")
    def view(request):
        connection.cursor().execute({sql!r})
        return HttpResponse()

    assert get().status == 200
    """
    )
    assert site.request.queries == 1
    assert b"c4n4r" not in b"".join(site.spool.lines), list(site.request.sql)
