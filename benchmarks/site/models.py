"""Authors and their books."""

from __future__ import annotations

from django.db import models


class Author(models.Model):
    """Somebody who wrote books."""

    name = models.CharField(max_length=60)


class Book(models.Model):
    """A book of one author."""

    title = models.CharField(max_length=120)
    price = models.IntegerField(default=0)
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")


def seed() -> None:
    """Ten authors and a hundred books."""
    Author.objects.bulk_create([Author(name=f"author {number}") for number in range(10)])
    authors = list(Author.objects.order_by("id"))
    Book.objects.bulk_create(
        [
            Book(title=f"book {number}", price=number, author=authors[number % 10])
            for number in range(100)
        ]
    )
