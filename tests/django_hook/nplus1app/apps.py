from django.apps import AppConfig


class LibraryConfig(AppConfig):
    name = "tests.django_hook.nplus1app"
    label = "library"

    def ready(self):
        from tests.django_hook.nplus1app import receivers  # noqa: F401
