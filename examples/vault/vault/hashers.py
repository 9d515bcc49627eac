"""How the example keeps the passwords of its fake accounts."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickHasher(PBKDF2PasswordHasher):
    """Django's default with few rounds: for made-up people only, so that sign-in is quick."""

    algorithm = "pbkdf2_sha256_quick"
    iterations = 10_000
