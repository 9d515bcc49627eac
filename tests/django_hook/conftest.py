"""A Django project in this process, and a way to read what its requests recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import django
import pytest
from django.conf import settings
from django.core.management import call_command

from tests.django_hook.recorded import HOOK, Recorded

HERE = Path(__file__).parent

settings.configure(
    BASE_DIR=HERE,
    SECRET_KEY="only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz",
    ALLOWED_HOSTS=["*"],
    USE_TZ=True,
    ROOT_URLCONF="tests.django_hook.site.urls",
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django.contrib.sessions",
        "tests.django_hook.nplus1app",
        "django_hook",
    ],
    MIDDLEWARE=HOOK,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    # Shared, so that a thread of asgiref's sees the same rows.
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": "file:hook-tests?mode=memory&cache=shared",
            "OPTIONS": {"uri": True},
        }
    },
    CACHES={
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "other": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "LOCATION": "other",
        },
    },
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    STATIC_URL="/static/",
    LOGGING_CONFIG=None,
)

django.setup()


@pytest.fixture(scope="session", autouse=True)
def _tables() -> None:
    """Tables and rows for all tests."""
    call_command("migrate", run_syncdb=True, verbosity=0)

    from tests.django_hook.nplus1app.rows import fill

    fill()


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Recorded]:
    """Requests through the four middlewares, into a spool of this test alone."""
    with Recorded(tmp_path / "perfctl.db") as site:
        yield site
