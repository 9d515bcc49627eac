"""The Django hook: four middlewares that feed perfctl, and what a project may call itself."""

from django_hook.attached import name
from django_hook.failures import mark_error
from django_hook.spans import measure

__all__ = ["mark_error", "measure", "name"]
