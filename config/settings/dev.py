"""Trying: `make demo`."""

from __future__ import annotations

from config.settings.base import *  # noqa: F403

STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
STATIC_ROOT = None  # type: ignore[assignment]  # nothing is collected: WhiteNoise asks the finders
