"""Models for the projects of these tests."""

from __future__ import annotations

from django.db import connections, models

from tests.hook_behaviour.stage import create_tables

__all__ = ["Author", "Book", "Card", "Loan", "Node", "Tag", "open_shop"]


class Tag(models.Model):
    name = models.CharField(max_length=50)


class Author(models.Model):
    name = models.CharField(max_length=50, unique=True)


class Book(models.Model):
    title = models.CharField(max_length=50)
    author = models.ForeignKey(Author, models.CASCADE)
    tags = models.ManyToManyField(Tag)


class Loan(models.Model):
    book = models.ForeignKey(Book, models.CASCADE)


class Card(models.Model):
    author = models.OneToOneField(
        Author, models.CASCADE, related_name="card", related_query_name="library_card"
    )


class Node(models.Model):
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children")


def open_shop(authors: int = 6) -> None:
    """Tables with one book, loan and card an author; no connection stays open."""
    create_tables(Tag, Author, Book, Loan, Card, Node)
    made = Author.objects.bulk_create(Author(name=f"a{n}") for n in range(authors))
    books = Book.objects.bulk_create(Book(title=f"b{n}", author=a) for n, a in enumerate(made))
    Loan.objects.bulk_create(Loan(book=book) for book in books)
    Card.objects.bulk_create(Card(author=author) for author in made)
    connections.close_all()
