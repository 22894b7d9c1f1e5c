"""The pages under docs/reference/ that are made from the code: ``manage.py write_docs``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from django.utils import translation

from config.reference.api import api_page
from config.reference.rights import rights_page
from config.reference.settings import settings_page
from config.reference.states import states_page

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "states.md": states_page,
    "settings.md": settings_page,
    "rights.md": rights_page,
    "api.md": api_page,
}


def write_pages(folder: Path) -> list[Path]:
    """Write every page into ``folder``, in Japanese where people's words are quoted; the paths of those that changed."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    with translation.override("ja"):
        for name, page in PAGES.items():
            path, text = folder / name, page()
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
                changed.append(path)
    return changed
