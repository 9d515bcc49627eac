"""Where each page of the site is."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.contrib.staticfiles.views import serve
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="item-list"), name="home"),
    path("", include("items.urls")),
    path("accounts/login/", auth.LoginView.as_view(), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    # So that the example needs no front server; in production one serves these files.
    path("static/<path:path>", serve, {"insecure": True}, name="static"),
]
