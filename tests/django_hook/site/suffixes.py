"""Routes with a format suffix, as `format_suffix_patterns` of Django REST framework makes them."""

from django.urls import path, register_converter

from tests.django_hook.site import views


class FormatSuffix:
    regex = r"\.[a-z0-9]+/?"

    def to_python(self, value):
        return value.strip("./")

    def to_url(self, value):
        return f".{value}/"


register_converter(FormatSuffix, "drf_format_suffix")

urlpatterns = [
    path("snippets/<int:pk>/", views.plain),
    path("snippets/<int:pk><drf_format_suffix:format>", views.plain),
    path("notes/<int:pk>", views.plain),
    path("notes/<int:pk><drf_format_suffix:format>", views.plain),
]
