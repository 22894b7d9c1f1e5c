"""What a second reader would say of a text. Advice never blocks; each piece says where and what to do.

Pure: codes and params; the sentences are in `templates_sms.labels`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from templates_sms.rendering import find_placeholders
from tenants.hazards import UNSENDABLE, find_diseases, find_hazards


@dataclass(frozen=True, slots=True)
class Advice:
    """One piece of advice. `position` and `length` count characters of the text; both 0 where it is about the whole."""

    code: str
    position: int = 0
    length: int = 0
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expectations:
    """What an office wants to see in its texts."""

    office_name: str = ""
    own_domains: tuple[str, ...] = ()
    links_forbidden: bool = False


_TELEPHONE: Final = re.compile(r"(?<![0-9])0[0-9]{1,4}[-(\s]{0,2}[0-9]{1,4}[-)\s]{0,2}[0-9]{3,4}(?![0-9])")
_PATH: Final = r"[^\s　、。「」（）()<>{}]"
_LINK: Final = re.compile(
    rf"(?:https?://|www\.){_PATH}+|(?<![@\w.])[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\.[a-z]{{2,}}(?:/{_PATH}*)?",
    re.IGNORECASE | re.ASCII,
)
_STRAY_BRACES: Final = re.compile(r"[{｛]{2}|[}｝]{2}")


def advise(text: str, *, expectations: Expectations) -> tuple[Advice, ...]:
    """Everything worth a second look, in the order of the text; what is about the whole comes first."""
    found = [*_advise_on_whole(text, expectations), *_advise_on_links(text, expectations)]
    found += [Advice("disease_name", match.start(), len(match[0]), {"word": match[0]}) for match in find_diseases(text)]
    found += _advise_on_braces(text)
    found += find_doubtful_characters(text)
    return tuple(sorted(found, key=lambda advice: (advice.position, advice.length > 0)))


def find_doubtful_characters(text: str) -> list[Advice]:
    """Characters that a handset may not show; also for a rendered text, where a name brings its own."""
    return [
        Advice(
            found.code,
            found.position,
            1,
            {"character": found.character, "code_point": f"U+{ord(found.character):04X}", "instead": found.instead},
        )
        for found in find_hazards(text)
    ]


def has_unsendable_characters(text: str) -> bool:
    """Whether a rendered text holds 外字 or what is left of a broken character: it must not be sent as it is."""
    return UNSENDABLE.search(text) is not None


def _advise_on_whole(text: str, expectations: Expectations) -> Iterator[Advice]:
    plain = unicodedata.normalize("NFKC", text)
    if not plain.strip():
        yield Advice("empty_text")
        return
    office = unicodedata.normalize("NFKC", expectations.office_name)
    if office and "".join(office.split()) not in "".join(plain.split()):
        yield Advice("office_name_missing", params={"office": expectations.office_name})
    dashes = plain.translate(dict.fromkeys(map(ord, "‐‑–—―−ー"), "-"))
    if not any(10 <= sum(map(str.isdigit, match[0])) <= 11 for match in _TELEPHONE.finditer(dashes)):
        yield Advice("call_back_number_missing")


def _advise_on_links(text: str, expectations: Expectations) -> Iterator[Advice]:
    for match in _LINK.finditer(text):
        host = re.sub(r"^https?://", "", match[0], flags=re.IGNORECASE)
        host = re.split(r"[/?#]", host, maxsplit=1)[0].rpartition("@")[2].partition(":")[0].lower().rstrip(".")
        params = {"link": match[0], "domain": host}
        if expectations.links_forbidden:
            yield Advice("link_forbidden", match.start(), len(match[0]), params)
        elif not is_own_domain(host, expectations.own_domains):
            yield Advice("foreign_link", match.start(), len(match[0]), params)


def is_own_domain(host: str, own_domains: Sequence[str]) -> bool:
    """Whether a host is one of the office's domains or stands below one."""
    return any(host == domain.lower() or host.endswith("." + domain.lower()) for domain in own_domains)


def _advise_on_braces(text: str) -> Iterator[Advice]:
    """Braces that make no placeholder go to the resident as they stand."""
    inside = {
        place for found in find_placeholders(text) for place in range(found.position, found.position + found.length)
    }
    for match in _STRAY_BRACES.finditer(text):
        if match.start() not in inside:
            yield Advice("stray_braces", match.start(), len(match[0]), {"braces": match[0]})
