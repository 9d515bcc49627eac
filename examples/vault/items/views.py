"""The pages of the site. Most are as they should be; four show what perfctl is for.

`item_audit` and `item_shared` ask the database once a row (N+1), `vault_backup` is slow, and
`share_expiry` has a bug.
"""

import asyncio
import time

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render, resolve_url
from django.utils import timezone
from django.views.decorators.http import require_safe

from django_hook import measure

from .export import csv_lines
from .models import Item, Share, Vault
from .strength import strength_of

PAGE_ROWS = 25
SEARCH_ROWS = 50


@require_safe
@login_required
def item_list(request):
    """All items of the user: three queries for the rows, however many there are."""
    items = Item.objects.visible_to(request.user)
    items = items.select_related("vault__owner").prefetch_related("tags")
    page = Paginator(items, PAGE_ROWS).get_page(request.GET.get("page"))
    return render(request, "items/list.html", {"page": page})


@require_safe
@login_required
def item_detail(request, pk):
    """One item with its blob, for the browser to open."""
    items = Item.objects.visible_to(request.user).select_related("vault__owner", "folder")
    return render(request, "items/detail.html", {"item": get_object_or_404(items, pk=pk)})


@require_safe
@login_required
def item_search(request):
    """The items whose title, website or user name holds the words asked for."""
    words = request.GET.get("q", "").strip()
    found = Item.objects.none()
    if words:
        found = Item.objects.visible_to(request.user).filter(
            Q(title__icontains=words) | Q(website__icontains=words) | Q(username__icontains=words)
        )[:SEARCH_ROWS]
    return render(request, "items/search.html", {"words": words, "items": found})


@require_safe
@login_required
def item_audit(request):
    """Who owns what: a deliberate N+1 in Python (vault, owner and tags are asked for row by row).

    The cure is the line that `item_list` has: select_related and prefetch_related.
    """
    rows = []
    for item in Item.objects.visible_to(request.user)[:PAGE_ROWS]:
        owner = item.vault.owner.get_username()
        tags = ", ".join(tag.name for tag in item.tags.all())
        rows.append({"title": item.title, "owner": owner, "tags": tags})
    return render(request, "items/audit.html", {"rows": rows})


@require_safe
@login_required
def item_shared(request):
    """What others have shared with the user: a deliberate N+1 in the template."""
    return render(request, "items/shared.html", {"shares": request.user.shares.all()})


@require_safe
@login_required
def item_strength(request, pk):
    """How good the item's secret is: judged once, then from the cache."""
    items = Item.objects.visible_to(request.user).select_related("vault")
    item = get_object_or_404(items, pk=pk)
    return render(request, "items/strength.html", {"item": item, "strength": strength_of(item)})


async def item_breach(request, pk):
    """Whether the secret is known from a breach: waits for a service without holding a thread."""
    # Decorators of async views need Django 5; this does for 4.2 what login_required does.
    if not await sync_to_async(lambda: request.user.is_authenticated)():
        return HttpResponseRedirect(f"{resolve_url(settings.LOGIN_URL)}?next={request.path}")
    item = await Item.objects.visible_to(request.user).filter(pk=pk).afirst()
    if item is None:
        raise Http404
    # A real service is asked for a few digits only, and answers with all that begin so.
    with measure("breach service"):
        await asyncio.sleep(settings.BREACH_SECONDS)
    return JsonResponse({"item": item.pk, "breached": item.secret_mac.startswith("0")})


@require_safe
@login_required
def item_export(request):
    """All items as CSV, sent while they are read. Without the secrets."""
    items = Item.objects.visible_to(request.user)
    return StreamingHttpResponse(
        csv_lines(request, items),
        content_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="items.csv"'},
    )


@require_safe
@login_required
def vault_backup(request, pk):
    """All blobs of a vault in one file: deliberately slow."""
    vault = get_object_or_404(Vault, owner=request.user, pk=pk)
    time.sleep(settings.BACKUP_SECONDS)
    blobs = list(vault.items.values("title", "ciphertext"))
    return JsonResponse({"vault": vault.name, "items": blobs})


@require_safe
@login_required
def share_expiry(request, pk):
    """How long a share still holds: a deliberate bug, a share without an end is not thought of."""
    share = get_object_or_404(Share, recipient=request.user, pk=pk)
    left = share.expires_at - timezone.now()
    return JsonResponse({"share": share.pk, "days_left": left.days})
