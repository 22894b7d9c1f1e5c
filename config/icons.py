"""The few icons of the pages, drawn on a 20 × 20 grid with strokes in the text's colour."""

from collections.abc import Mapping
from typing import Final

_RING: Final = '<circle cx="10" cy="10" r="8"/>'

ICONS: Final[Mapping[str, str]] = {
    "arrow": '<path d="M2 10h14M11 4.5 16.5 10 11 15.5"/>',
    "bubble": '<path d="M3 3.5h14v10H9L5 17v-3.5H3z"/>',
    "calendar": '<path d="M3 4.5h14v12H3zM3 8.5h14M7 2.5v4M13 2.5v4"/>',
    "check": _RING + '<path d="m6.2 10.3 2.6 2.6 5-5.4"/>',
    "chevron": '<path d="m7 4 6 6-6 6"/>',
    "clock": _RING + '<path d="M10 5.2V10l3.2 2"/>',
    "cross": _RING + '<path d="m7 7 6 6M13 7l-6 6"/>',
    "document": '<path d="M4.5 2.5h7l4 4v11h-11zM11.5 2.5v4h4M7 10.5h6M7 13.5h6"/>',
    "dots": '<circle cx="4" cy="10" r="1.2"/><circle cx="10" cy="10" r="1.2"/><circle cx="16" cy="10" r="1.2"/>',
    "down": '<path d="m4 7 6 6 6-6"/>',
    "download": '<path d="M10 3v9.5M5.8 8.6 10 12.8l4.2-4.2M3 16.5h14"/>',
    "external": '<path d="M8 4H3.5v12.5H16V12M11.5 3H17v5.5M17 3l-7.5 7.5"/>',
    "eye": '<path d="M2 10s3-5.5 8-5.5S18 10 18 10s-3 5.5-8 5.5S2 10 2 10z"/><circle cx="10" cy="10" r="2.4"/>',
    "flag": '<path d="M5 18V3M5 3.5h10.5l-2.2 3.7 2.2 3.8H5"/>',
    "globe": _RING + '<path d="M2 10h16M10 2c2.7 2.4 3.6 5 3.6 8s-.9 5.6-3.6 8c-2.7-2.4-3.6-5-3.6-8S7.3 4.4 10 2z"/>',
    "hourglass": '<path d="M5 2.500h10M5 17.500h10M6 2.500c0 4.5 8 5.5 8 15M14 2.500c0 4.5-8 5.5-8 15"/>',
    "info": _RING + '<path d="M10 9.200v5M10 6v.4"/>',
    "menu": '<path d="M3 5h14M3 10h14M3 15h14"/>',
    "minus": _RING + '<path d="M6 10h8"/>',
    "note": '<path d="M4 3h12v14H4zM7 7h6M7 10h6M7 13h4"/>',
    "pause": _RING + '<path d="M8 7v6M12 7v6"/>',
    "pencil": '<path d="M3.5 16.5 4.5 12.5 13.5 3.5 16.5 6.5 7.5 15.500zM11.5 5.500l3 3"/>',
    "person": '<circle cx="10" cy="6.5" r="3.5"/><path d="M3 17.500c.8-4 3.5-5.5 7-5.500s6.2 1.5 7 5.5"/>',
    "phone": '<path d="M6.5 2.5 3 4c0 7.5 5.5 13 13 13l1.5-3.5-4-2-2 2c-2.5-1.2-3.8-2.5-5-5l2-2z"/>',
    "phone_off": '<path d="M6.5 2.5 3 4c0 7.5 5.5 13 13 13l1.5-3.5-4-2-2 2c-2.5-1.2-3.8-2.5-5-5l2-2zM3 17 17 3"/>',
    "print": '<path d="M5.5 7V2.500h9V7M5.5 14H3V7h14v7h-2.500M5.5 11.500h9v6h-9z"/>',
    "question": '<path d="M10 1.8 18.2 10 10 18.2 1.8 10z"/>'
    '<path d="M8 8.200c.2-2.6 4-2.4 4 0 0 1.5-2 1.6-2 3.200M10 13.800v.2"/>',
    "search": '<circle cx="8.5" cy="8.5" r="5.5"/><path d="m12.7 12.7 4.8 4.8"/>',
    "slash": _RING + '<path d="M4.5 15.5 15.5 4.5"/>',
    "upload": '<path d="M10 13V3.500M5.8 7.4 10 3.200l4.2 4.200M3 16.500h14"/>',
    "visit": '<path d="M2.5 9.5 10 3l7.5 6.500M5 8v9h10V8M8.5 17v-5h3v5"/>',
    "warning": '<path d="M10 2.5 18.5 17h-17zM10 8v4.500M10 14.500v.2"/>',
}
