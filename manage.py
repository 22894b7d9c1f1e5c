#!/usr/bin/env python
"""Django's command line for Todoke."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # Who tries a carrier of their own starts the simulated one by hand, where no environment is set up.
    settings = "config.settings.simulator" if sys.argv[1:2] == ["smsc"] else "config.settings.dev"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings)  # noqa: TID251 - Django's own switch
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
