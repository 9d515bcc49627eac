"""Where each view of the test project is."""

from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path, re_path

from tests.django_hook.nplus1app import clean, repeating
from tests.django_hook.site import views

PLAIN = """
plain plain_async queries queries_async failing_query broken broken_async unprintable missing
raises_404 server_error marked marked_without_exception exits interrupted cancelled named
measured measured_async many_measured stream stream_with_end stream_slowly stream_broken
stream_exits stream_list stream_failing_close stream_async stream_async_cancelled file
template caching caching_all get_or_set caching_async nested forks user set_user auser
own_request_id threads
"""

urlpatterns = [
    path("repeating/", include([path(f"{v.__name__}/", v) for v in repeating.VIEWS])),
    path("clean/", include([path(f"{v.__name__}/", v) for v in clean.VIEWS])),
    *[path(f"{name}/", getattr(views, name)) for name in PLAIN.split()],
    path("items/<int:pk>/", views.plain),
    path("healthz", views.plain),
    path("patients/<int:pk>/health/", views.plain),
    path("events/<slug:topic>/", views.plain),
    re_path(r"^years/(?P<year>[0-9]{4})/(\d+)?$", views.plain),
    re_path(r"^snippets/(?P<pk>[^/.]+)\.(?P<format>[a-z0-9]+)/?$", views.plain),
    *i18n_patterns(path("about/", views.plain)),
]
