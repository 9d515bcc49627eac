"""A password manager that records its own performance: what concerns perfctl comes first."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

# --- perfctl ---------------------------------------------------------------------------------

PERFCTL = {
    "RELEASE": os.environ.get("VAULT_RELEASE", "1.0.0"),
    "ENVIRONMENT": os.environ.get("VAULT_ENVIRONMENT", "example"),
}

MIDDLEWARE = [
    # First: further in, they would not see what the others do and answer.
    "django_hook.middleware.PerformanceMonitoringMiddleware",
    "django_hook.middleware.DatabaseQueryMonitoringMiddleware",
    "django_hook.middleware.APIPerformanceMiddleware",
    "django_hook.middleware.CachePerformanceMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

INSTALLED_APPS = [
    "django_hook",
    "items",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

# The same site without perfctl, to compare the two.
if os.environ.get("VAULT_HOOK") == "0":
    MIDDLEWARE = [name for name in MIDDLEWARE if not name.startswith("django_hook.")]
    INSTALLED_APPS.remove("django_hook")

# --- the site --------------------------------------------------------------------------------

DEBUG = os.environ.get("VAULT_DEBUG") == "1"
SECRET_KEY = os.environ.get("VAULT_SECRET_KEY", "only-for-the-example-0123456789-abcdefghij-klmnop")
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
ROOT_URLCONF = "vault.urls"
WSGI_APPLICATION = "vault.wsgi.application"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("VAULT_DB", BASE_DIR / "var" / "vault.db"),
        "OPTIONS": {"timeout": 20},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
SESSION_ENGINE = "django.contrib.sessions.backends.db"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "vault" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

PASSWORD_HASHERS = ["vault.hashers.QuickHasher"]

STATIC_URL = "static/"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "item-list"
LOGOUT_REDIRECT_URL = "login"
TIME_ZONE = "UTC"
USE_TZ = True

# How long the backup takes, and the breach service to answer.
BACKUP_SECONDS = float(os.environ.get("VAULT_BACKUP_SECONDS", "0.25"))
BREACH_SECONDS = float(os.environ.get("VAULT_BREACH_SECONDS", "0.05"))
