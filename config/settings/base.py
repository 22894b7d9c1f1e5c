"""Settings that hold everywhere. What differs stands in dev.py, test.py and prod.py."""

from __future__ import annotations

import logging
import socket
from datetime import date
from pathlib import Path
from typing import Any

import structlog
from csp.constants import NONCE, NONE, SELF

from config import env
from config.log_lines import render_exception

BASE_DIR = Path(__file__).resolve().parent.parent.parent

SECRET_KEY = env.text("SECRET_KEY")
MASTER_KEYS = env.master_keys("MASTER_KEYS")
DEBUG = False
REFUSES_UNSAFE_START = False
DEMO = env.flag("DEMO")
DEMO_TODAY: date | None = env.day("DEMO_TODAY")
FAILPOINT = env.text("FAILPOINT", "")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
BASE_URL = env.text("BASE_URL", "http://localhost:8000")
TRUSTED_PROXIES = env.number("TRUSTED_PROXIES", 0)

INSTALLED_APPS = [
    "tenants",
    "recipients",
    "templates_sms",
    "carriers",
    "dispatch",
    "reports",
    "config",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "import_export",
    "csp",
]

MIDDLEWARE = [
    "config.headers.HeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "tenants.middleware.PlainAddressMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tenants.middleware.DatabaseAwayMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.languages.ChosenLanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tenants.middleware.ScopeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "tenants.User"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "config.context_processors.frame",
            ],
        },
    }
]

# Four roles of one database (DESIGN.md §6): none but "owner" owns a table, none bypasses row security.
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.database("DATABASE_URL"),
    "owner": env.database("DATABASE_OWNER_URL", env.text("DATABASE_URL")),
    "operator": env.database("DATABASE_OPERATOR_URL", env.text("DATABASE_URL")),
    "carrier": env.database("DATABASE_CARRIER_URL", env.text("DATABASE_URL")),
}
# A host that is cut off says nothing. Ours finds out within half a minute, and so does the server, so that the locks of
# a worker that is gone do not outlive its batch's lease by much (the defaults are a quarter of an hour to two hours).
_NOTICING = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}  # s, ms
_SERVER_NOTICING = " ".join(f"-c tcp_{name.removeprefix('tcp_')}={value}" for name, value in _NOTICING.items())
BROKER_SOCKET_OPTIONS = {
    socket.TCP_KEEPIDLE: _NOTICING["keepalives_idle"],
    socket.TCP_KEEPINTVL: _NOTICING["keepalives_interval"],
    socket.TCP_KEEPCNT: _NOTICING["keepalives_count"],
    socket.TCP_USER_TIMEOUT: _NOTICING["tcp_user_timeout"],
}
for _database in DATABASES.values():
    _database["CONN_MAX_AGE"] = 60
    _database["CONN_HEALTH_CHECKS"] = True
    _options = {"connect_timeout": "5", **_NOTICING, **_database["OPTIONS"]}
    _options["options"] = f"{_SERVER_NOTICING} {_options.get('options', '')}".strip()
    _database["OPTIONS"] = _options
DATABASE_ADMIN_URL = env.text("DATABASE_ADMIN_URL", "")
DEMO_SMSC_URL = env.text("DEMO_SMSC_URL", "")
DATABASE_ROUTERS = ["tenants.db.OneDatabaseRouter"]

REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:6379/0")

# Limits and used codes must survive a flushed broker, so the cache is a table (RELIABILITY.md, allauth).
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "tenants_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},  # with Django's 300, a flood of attempts would push limits out
    }
}

LANGUAGE_CODE = "ja"
LANGUAGES = [("ja", "日本語"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Asia/Tokyo"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# An uploaded roster stays in memory until it is sealed: no temporary file ever holds a name or a number.
FILE_UPLOAD_HANDLERS = ["tenants.uploads.PackedUploadHandler"]
ROSTER_MAX_BYTES = env.number("ROSTER_MAX_BYTES", 256 * 1024 * 1024)
ROSTER_MAX_ROWS = env.number("ROSTER_MAX_ROWS", 1_000_000)
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {"NAME": "tenants.account.passwords.NotBreached"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "tenants.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = False
# Failed log-ins and codes are counted by tenants.account.attempts; these are for what costs us something.
ACCOUNT_RATE_LIMITS = {"login_failed": None, "login": "300/m/ip"}
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
MFA_ADAPTER = "tenants.adapters.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn"]  # recovery codes are ours: allauth could show them again
MFA_FORMS = {
    "authenticate": "tenants.account.forms.CodeForm",
    "authenticate_webauthn": "tenants.account.forms.KeyForm",
}
BREACHED_PASSWORDS_FILE = env.text("BREACHED_PASSWORDS_FILE", "")
FRESH_FACTOR_S = 10 * 60
MASS_SEND_PEOPLE = env.number("MASS_SEND_PEOPLE", 100)
SESSION_ENGINE = "tenants.account.sessions"
SESSION_COOKIE_AGE = 12 * 60 * 60  # in all; tenants.account.sessions ends them
SESSION_IDLE_S = 30 * 60
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "config.views.csrf_failed"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}

EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "todoke@localhost")
OPERATOR_EMAILS = env.words("OPERATOR_EMAILS")
OPERATOR_WEBHOOK_URL = env.text("OPERATOR_WEBHOOK_URL", "")
OPERATOR_WEBHOOK_SECRET = env.text("OPERATOR_WEBHOOK_SECRET", "")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tenants.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.authentication.DeclaredPermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tenants.json_parsing.StrictJSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["tenants.throttling.KeyThrottle"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "tenants.api_errors.handle",
    "UNAUTHENTICATED_USER": None,
    "STRICT_JSON": True,
}
SPECTACULAR_SETTINGS = {"TITLE": "Todoke API", "VERSION": "1", "SERVE_INCLUDE_SCHEMA": False}

STRUCTLOG_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
    render_exception,
    structlog.processors.JSONRenderer(ensure_ascii=False),
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"quiet": {"()": "config.log_lines.QuietFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "quiet"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        # Addresses may carry ?phone= in the API; Django's own request lines are left out (RELIABILITY.md, API.md).
        "django.server": {"handlers": [], "propagate": False},
        "django.request": {"handlers": ["console"], "level": "ERROR", "propagate": False},
    },
}
logging.raiseExceptions = False  # its report of a line that could not be written quotes everything in it
structlog.configure(
    processors=STRUCTLOG_PROCESSORS,
    wrapper_class=structlog.make_filtering_bound_logger(20),
    cache_logger_on_first_use=False,
)
