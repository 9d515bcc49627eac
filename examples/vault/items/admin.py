"""The items as an administrator sees them: never the blobs."""

from django.contrib import admin

from .models import Folder, Item, Share, Tag, Vault


@admin.register(Vault)
class VaultAdmin(admin.ModelAdmin):
    """Vaults with their owners."""

    list_display = ["name", "owner"]
    list_select_related = ["owner"]


@admin.register(Folder)
class FolderAdmin(admin.ModelAdmin):
    """Folders with their vaults."""

    list_display = ["name", "vault"]
    list_select_related = ["vault"]


@admin.register(Item)
class ItemAdmin(admin.ModelAdmin):
    """Items by title, with what may be known of the secret."""

    list_display = ["title", "vault", "kind", "strength", "changed_at"]
    list_filter = ["kind", "strength"]
    list_select_related = ["vault"]
    search_fields = ["title", "website"]
    exclude = ["ciphertext", "secret_mac"]


@admin.register(Share)
class ShareAdmin(admin.ModelAdmin):
    """Who has been given which item, and until when."""

    list_display = ["item", "recipient", "expires_at"]
    list_select_related = ["item", "recipient"]
    exclude = ["wrapped_key"]


admin.site.register(Tag)
