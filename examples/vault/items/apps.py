"""The app of the vaults and their items."""

from django.apps import AppConfig


class ItemsConfig(AppConfig):
    """Vaults, folders, items, tags and shares."""

    name = "items"
