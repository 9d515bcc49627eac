"""What the server of a zero-knowledge password manager keeps: names, and blobs it cannot read.

Secrets are encrypted in the browser. The server stores the ciphertext, a MAC of the secret under a
key that it never sees (equal secrets have equal MACs, so reuse can be found), and the strength that
the browser has estimated.
"""

import base64
import binascii

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, RegexValidator, URLValidator
from django.db import models
from django.utils import timezone


def validate_blob(value):
    """Refuse what is not base64, such as a secret sent in plain text by mistake."""
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        raise ValidationError("Not a base64 blob.", code="blob") from None


class Vault(models.Model):
    """A named set of items that belongs to one user."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="vaults")
    name = models.CharField(max_length=80)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class Folder(models.Model):
    """A shelf of a vault."""

    vault = models.ForeignKey(Vault, models.CASCADE, related_name="folders")
    name = models.CharField(max_length=80)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class Tag(models.Model):
    """A word that items of any vault can carry."""

    name = models.CharField(max_length=40, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class ItemQuerySet(models.QuerySet):
    """Items, by who may see them."""

    def visible_to(self, user):
        """The items in the user's own vaults and those shared with them."""
        own = models.Q(vault__owner=user)
        shared = models.Q(pk__in=Share.objects.filter(recipient=user).values("item"))
        return self.filter(own | shared)


class Item(models.Model):
    """One secret: what it is for, in the clear, and the secret itself as a sealed blob."""

    class Kind(models.TextChoices):
        LOGIN = "login"
        CARD = "card"
        NOTE = "note"

    vault = models.ForeignKey(Vault, models.CASCADE, related_name="items")
    folder = models.ForeignKey(Folder, models.SET_NULL, related_name="items", null=True, blank=True)
    tags = models.ManyToManyField(Tag, related_name="items", blank=True)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.LOGIN)
    title = models.CharField(max_length=120)
    website = models.CharField(max_length=200, blank=True, validators=[URLValidator()])
    username = models.CharField(max_length=120, blank=True)
    ciphertext = models.TextField(validators=[validate_blob])
    secret_mac = models.CharField(
        max_length=64, db_index=True, validators=[RegexValidator(r"\A[0-9a-f]{64}\Z")]
    )
    strength = models.PositiveSmallIntegerField(validators=[MaxValueValidator(4)])
    changed_at = models.DateTimeField(default=timezone.now)

    objects = ItemQuerySet.as_manager()

    class Meta:
        ordering = ["title", "pk"]

    def __str__(self):
        return self.title


class Share(models.Model):
    """Access of another user to one item, by the item's key wrapped for that user."""

    item = models.ForeignKey(Item, models.CASCADE, related_name="shares")
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="shares")
    wrapped_key = models.TextField(validators=[validate_blob])
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["item", "recipient"], name="share_once"),
        ]

    def __str__(self):
        return f"{self.item} for {self.recipient}"
