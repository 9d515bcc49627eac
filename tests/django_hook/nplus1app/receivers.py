"""What happens along with a save."""

from django.db.models.signals import post_save
from django.dispatch import receiver

from tests.django_hook.nplus1app.models import Loan, Setting


@receiver(post_save, sender=Loan)
def note_loan(sender, instance, **kwargs):
    """Asks the database once for each loan."""
    Setting.objects.filter(key=f"loans of {instance.book_id}").exists()  # N+1
