"""`manage.py seed_vault`: fills an empty site with the fake data set."""

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand
from django.db import transaction

from items import fake
from items.models import Folder, Item, Share, Tag, Vault


class Command(BaseCommand):
    """Five users with two vaults each, forty items and ten shares; the same in each run."""

    help = "Fill the site with fake users, vaults and items. Does nothing where there are users."

    def handle(self, *args, **options):
        """Seed once; run again, it leaves everything as it is."""
        if get_user_model().objects.exists():
            self.stdout.write("There are users already: nothing was seeded.")
            return
        with transaction.atomic():
            _seed()
        self.stdout.write(
            f"Seeded {len(fake.USERS)} users and {Item.objects.count()} items. "
            f"Sign in as {fake.USERS[0]} with: {fake.PASSWORD}"
        )


def _seed():
    _seed_users()
    tags = {name: Tag(pk=pk, name=name) for pk, name in enumerate(fake.TAGS, start=1)}
    Tag.objects.bulk_create(tags.values())
    for user in fake.USERS:
        _seed_vaults(user)
        _seed_items(user, tags)
    for user in fake.USERS:
        _seed_shares(user)


def _seed_users():
    # One hash for all, with a fixed salt: the data set is the same in each run.
    password = make_password(fake.PASSWORD, salt="the-salt-of-the-example")
    user_model = get_user_model()
    user_model.objects.bulk_create(
        user_model(
            pk=fake.user_id(name),
            username=name,
            password=password,
            email=f"{name}@vault.example",
            is_staff=name == fake.USERS[0],
            is_superuser=name == fake.USERS[0],
            date_joined=fake.SEEDED_AT,
        )
        for name in fake.USERS
    )


def _seed_vaults(user):
    vaults = [
        Vault(pk=pk, owner_id=fake.user_id(user), name=name)
        for pk, name in zip(fake.vault_ids(user), fake.VAULTS, strict=True)
    ]
    Vault.objects.bulk_create(vaults)
    Folder.objects.bulk_create(
        Folder(pk=(vault.pk - 1) * len(fake.FOLDERS) + at, vault=vault, name=name)
        for vault in vaults
        for at, name in enumerate(fake.FOLDERS, start=1)
    )


def _seed_items(user, tags):
    vaults = fake.vault_ids(user)
    items = [_item(pk, vaults[pk % len(vaults)], user) for pk in fake.item_ids(user)]
    Item.objects.bulk_create(items)
    carries = Item.tags.through
    carries.objects.bulk_create(
        carries(item_id=item.pk, tag_id=tags[name].pk)
        for item in items
        for name in fake.tags(item.pk)
    )


def _item(pk, vault_id, user):
    return Item(
        pk=pk,
        vault_id=vault_id,
        folder_id=(vault_id - 1) * len(fake.FOLDERS) + pk % len(fake.FOLDERS) + 1,
        kind=fake.kind(pk),
        title=fake.title(pk),
        website=fake.website(pk),
        username=f"{user}@vault.example",
        ciphertext=fake.blob("ciphertext", pk),
        secret_mac=fake.secret_mac(pk),
        strength=fake.strength(pk),
        changed_at=fake.changed_at(pk),
    )


def _seed_shares(user):
    Share.objects.bulk_create(
        Share(
            pk=pk,
            item_id=item_id,
            recipient_id=fake.user_id(user),
            wrapped_key=fake.blob("key", pk, size=48),
            expires_at=fake.ends_at(pk),
        )
        for pk, item_id in zip(fake.share_ids(user), fake.shared_item_ids(user), strict=True)
    )
