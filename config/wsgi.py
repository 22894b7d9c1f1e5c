"""The WSGI entry point."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.prod")  # noqa: TID251 - Django's own switch
application = get_wsgi_application()

from config.start_up import refuse_unsafe  # noqa: E402 - the settings are there from here on

refuse_unsafe()
