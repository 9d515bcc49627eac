"""Turns rows into plain data, as serializer classes of a REST framework do."""


class Serializer:
    """One row, or many of them."""

    def __init__(self, instance, many=False):
        self.instance = instance
        self.many = many

    @property
    def data(self):
        rows = self.instance if self.many else [self.instance]
        shown = [self.show(row) for row in rows]
        return shown if self.many else shown[0]


class TagSerializer(Serializer):
    def show(self, tag):
        return {"name": tag.name}


class BookSerializer(Serializer):
    def show(self, book):
        return {
            "title": book.title,
            "tags": TagSerializer(book.tags.all(), many=True).data,
        }
