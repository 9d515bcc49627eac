"""The JSON interface, for the browser extension, and the ping for the load balancer."""

import functools
import json

from django.db import connection, transaction
from django.http import JsonResponse
from django.views.decorators.http import require_http_methods, require_safe

from .forms import ItemForm
from .models import Item

LIST_ROWS = 100


def signed_in(view):
    """Answer 401 to the anonymous, where a page would lead to the login."""

    @functools.wraps(view)
    def checked(request, *args, **kwargs):
        if not request.user.is_authenticated:
            return JsonResponse({"error": "Sign in first."}, status=401)
        return view(request, *args, **kwargs)

    return checked


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def list_or_create(request):
    """GET: the user's items without their blobs. POST: a new one."""
    if request.method == "POST":
        return _create(request)
    found = Item.objects.visible_to(request.user).prefetch_related("tags")[:LIST_ROWS]
    return JsonResponse({"items": [_summary(item) for item in found]})


@require_safe
@signed_in
def detail(request, pk):
    """One item with its blob."""
    found = Item.objects.visible_to(request.user).filter(pk=pk).first()
    if found is None:
        return JsonResponse({"error": "No such item."}, status=404)
    return JsonResponse(_summary(found) | {"ciphertext": found.ciphertext})


@require_safe
def healthz(request):
    """Whether the site can answer, database included."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})


def _create(request):
    try:
        sent = json.loads(request.body)
    except ValueError:
        return JsonResponse({"error": "Not JSON."}, status=400)
    if not isinstance(sent, dict):
        return JsonResponse({"error": "Not an object."}, status=400)
    form = ItemForm(sent, user=request.user)
    if not form.is_valid():
        return JsonResponse({"error": form.errors.get_json_data()}, status=400)
    with transaction.atomic():
        return JsonResponse(_summary(form.save()), status=201)


def _summary(item):
    return {
        "id": item.pk,
        "title": item.title,
        "kind": item.kind,
        "website": item.website,
        "username": item.username,
        "tags": [tag.name for tag in item.tags.all()],
    }
