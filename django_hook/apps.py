"""The hook as a Django app: for its system checks, and what later needs an app."""

from django.apps import AppConfig


class DjangoHookConfig(AppConfig):
    """perfctl's Django app; without it the middlewares record too, and `check` says nothing."""

    name = "django_hook"
    verbose_name = "perfctl"

    def ready(self) -> None:
        """Register the system checks."""
        from django_hook import checks

        checks.register()
