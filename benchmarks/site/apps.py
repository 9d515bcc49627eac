"""The site as a Django application."""

from __future__ import annotations

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """Its label is apart from the project's others."""

    name = "benchmarks.site"
    label = "bench_site"
    default_auto_field = "django.db.models.BigAutoField"
