"""The same views with silk's own pages, as silk needs them."""

from __future__ import annotations

from django.urls import include, path

from benchmarks.site.views import urlpatterns as views

urlpatterns = [*views, path("silk/", include("silk.urls", namespace="silk"))]
