"""The views that are timed; each answers with the same small JSON every time."""

from __future__ import annotations

from django.core.cache import cache
from django.db import connection
from django.db.models import Sum
from django.http import HttpRequest, JsonResponse
from django.urls import path

from benchmarks.site.models import Book


def trivial(request: HttpRequest, pk: int) -> JsonResponse:
    """No query, no cache."""
    return JsonResponse({"ok": True, "pk": pk})


def five_queries(request: HttpRequest) -> JsonResponse:
    """Five queries that differ."""
    books = Book.objects.order_by("id")
    return JsonResponse(
        {
            "total": Book.objects.count(),
            "title": Book.objects.get(pk=3).title,
            "cheap": len(books.filter(price__lt=40)[:20]),
            "sum": Book.objects.aggregate(sum=Sum("price"))["sum"],
            "authors": [book.author.name for book in books.select_related("author")[:10]],
        }
    )


def fifty_queries(request: HttpRequest) -> JsonResponse:
    """One query and 49 for what belongs to its rows."""
    names = [book.author.name for book in Book.objects.order_by("id")[:49]]
    return JsonResponse({"count": len(names), "last": names[-1]})


def bare_statements(request: HttpRequest) -> JsonResponse:
    """Two hundred statements without the ORM, two microseconds each."""
    with connection.cursor() as cursor:
        for number in range(200):
            cursor.execute("SELECT %s", [number])
    return JsonResponse({"ok": True})


def cached(request: HttpRequest) -> JsonResponse:
    """Ten look-ups in the cache, half of them hits."""
    hits = sum(cache.get(f"hit:{number}") is not None for number in range(5))
    misses = sum(cache.get(f"miss:{number}") is None for number in range(5))
    return JsonResponse({"hits": hits, "misses": misses})


urlpatterns = [
    path("items/<int:pk>/", trivial),
    path("five/", five_queries),
    path("fifty/", fifty_queries),
    path("raw/", bare_statements),
    path("cached/", cached),
]
