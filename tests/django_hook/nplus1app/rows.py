"""The rows that the views ask for."""

from tests.django_hook.nplus1app.models import Author, Book, Profile, Setting, Shelf, Tag

N = 12


def fill():
    """Twelve authors with a profile and a book each, three tags, shelves three deep."""
    tags = [Tag.objects.create(name=f"tag {i}") for i in range(3)]
    for i in range(N):
        author = Author.objects.create(name=f"author {i}")
        Profile.objects.create(author=author)
        Book.objects.create(title=f"book {i}", price=i, author=author).tags.set(tags)
    for i in range(1, 8):
        Setting.objects.create(key=f"k{i}")
    root = Shelf.objects.create(name="root")
    for i in range(3):
        room = Shelf.objects.create(name=f"room {i}", within=root)
        for j in range(2):
            Shelf.objects.create(name=f"board {i}.{j}", within=room)
