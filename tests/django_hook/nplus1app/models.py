"""A library: authors with books, tags and shelves that stand in other shelves."""

from django.db import models


class Tag(models.Model):
    name = models.CharField(max_length=30)


class Author(models.Model):
    name = models.CharField(max_length=60)


class Profile(models.Model):
    author = models.OneToOneField(Author, on_delete=models.CASCADE, related_name="profile")
    bio = models.TextField(default="")


class Shelf(models.Model):
    name = models.CharField(max_length=30)
    within = models.ForeignKey("self", on_delete=models.CASCADE, null=True, related_name="parts")


class Book(models.Model):
    title = models.CharField(max_length=120)
    price = models.IntegerField(default=0)
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")
    editor = models.ForeignKey(
        Author, on_delete=models.CASCADE, null=True, related_name="edited_books"
    )
    tags = models.ManyToManyField(Tag, related_name="books")

    def __str__(self):
        return f"{self.title} by {self.author.name}"

    @property
    def author_name(self):
        return self.author.name


class Setting(models.Model):
    key = models.CharField(max_length=30, unique=True)
    value = models.CharField(max_length=30, default="")


class Loan(models.Model):
    """Each new one is noted by a receiver of `post_save`."""

    book = models.ForeignKey(Book, on_delete=models.CASCADE, related_name="loans")
