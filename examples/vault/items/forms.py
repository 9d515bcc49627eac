"""What a browser may send to make an item."""

from django import forms

from .models import Item


class ItemForm(forms.ModelForm):
    """A new item in one of the user's own vaults."""

    class Meta:
        model = Item
        fields = [
            "vault",
            "kind",
            "title",
            "website",
            "username",
            "ciphertext",
            "secret_mac",
            "strength",
            "tags",
        ]

    def __init__(self, data, *, user):
        super().__init__(data)
        self.fields["vault"].queryset = user.vaults.all()
