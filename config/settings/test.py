"""Tests: the same real services; cheap password hashes. Without an environment the type checker can still load this."""

from __future__ import annotations

import json
import os

# In a parallel run each process has a database and a broker of its own; whatever it starts inherits them.
_worker = os.environ.get("PYTEST_XDIST_WORKER", "")  # noqa: TID251 - before base reads it
if _worker and (_places := os.environ.pop("TEST_WORKERS", "")):  # noqa: TID251
    os.environ.update(json.loads(_places)[_worker])  # noqa: TID251

for _name, _value in {
    "SECRET_KEY": "only-for-tests-" + "x" * 40,
    "MASTER_KEYS": "1:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU=",
    "DATABASE_URL": "postgresql://todoke:todoke@127.0.0.1:5432/todoke_test",
}.items():
    os.environ.setdefault(_name, _value)  # noqa: TID251 - before base reads it

from config.settings.base import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
TEMPLATES[0]["OPTIONS"]["string_if_invalid"] = ""  # noqa: F405
STATIC_ROOT = None  # type: ignore[assignment]  # nothing is collected
WHITENOISE_USE_FINDERS = True
