"""Tags and filters that ask the database."""

from django import template

register = template.Library()


@register.simple_tag
def cheapest_of(author):
    return author.books.order_by("price").first()  # N+1


@register.filter
def tag_count(book):
    return book.tags.count()  # N+1
