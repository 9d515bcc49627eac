"""Models for the projects of these tests."""

from __future__ import annotations

from django.db import connections, models

from tests.hook_behaviour.stage import create_tables

__all__ = ["Author", "Book", "Tag", "open_shop"]


class Tag(models.Model):
    name = models.CharField(max_length=50)


class Author(models.Model):
    name = models.CharField(max_length=50, unique=True)


class Book(models.Model):
    title = models.CharField(max_length=50)
    author = models.ForeignKey(Author, models.CASCADE)
    tags = models.ManyToManyField(Tag)


def open_shop(authors: int = 6) -> None:
    """Tables with one book an author; no connection stays open."""
    create_tables(Tag, Author, Book)
    made = Author.objects.bulk_create(Author(name=f"a{n}") for n in range(authors))
    Book.objects.bulk_create(Book(title=f"b{n}", author=a) for n, a in enumerate(made))
    connections.close_all()
