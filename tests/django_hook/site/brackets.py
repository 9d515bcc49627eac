"""Routes that look like regexes where they are none."""

from django.http import HttpResponse
from django.urls import include, path, re_path


def plain(request, **kwargs):
    """Answers."""
    return HttpResponse("plain")


inner = [
    re_path(r"^(?P<year>\d{4})/", include([path("b.*/", plain)])),
    re_path(r"^old/\d+$", plain),
]

urlpatterns = [
    path("[red]x/<int:pk>/", plain),
    path("$/", include(inner)),
]
