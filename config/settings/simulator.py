"""`manage.py smsc` with no environment at all: the simulated SMSC opens neither database nor broker."""

from __future__ import annotations

INSTALLED_APPS = ["tenants", "carriers", "django.contrib.auth", "django.contrib.contenttypes"]
AUTH_USER_MODEL = "tenants.User"
USE_TZ = True
TIME_ZONE = "Asia/Tokyo"
LANGUAGE_CODE = "ja"
