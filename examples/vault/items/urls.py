"""The pages of the vaults, and their JSON interface."""

from django.urls import path

from . import api, views

urlpatterns = [
    path("items/", views.item_list, name="item-list"),
    path("items/search/", views.item_search, name="item-search"),
    path("items/audit/", views.item_audit, name="item-audit"),
    path("items/shared/", views.item_shared, name="item-shared"),
    path("items/export.csv", views.item_export, name="item-export"),
    path("items/<int:pk>/", views.item_detail, name="item-detail"),
    path("items/<int:pk>/strength/", views.item_strength, name="item-strength"),
    path("items/<int:pk>/breach/", views.item_breach, name="item-breach"),
    path("vaults/<int:pk>/backup/", views.vault_backup, name="vault-backup"),
    path("shares/<int:pk>/expiry/", views.share_expiry, name="share-expiry"),
    path("api/items/", api.list_or_create, name="api-items"),
    path("api/items/<int:pk>/", api.detail, name="api-item"),
    path("healthz", api.healthz, name="healthz"),
]
