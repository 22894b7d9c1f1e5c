"""What was found about a roster, in sentences: ``recipients.labels`` with days and columns written out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from recipients import labels
from recipients.reading.opening import MEGABYTE
from tenants.sending_rules import IdCheck

failure_sentence = labels.file_sentence
notice_sentence = labels.notice_sentence


def problem_sentence(code: str, details: Mapping[str, Any]) -> str:
    """What needs a person's answer, or is worth a notice."""
    shown = dict(details)
    if "on" in shown:
        day = date.fromisoformat(shown["on"])
        shown["on"] = _("%(year)s年%(month)s月%(day)s日") % {"year": day.year, "month": day.month, "day": day.day}
    if "check" in shown:
        shown["check"] = str(IdCheck(shown["check"]).label)
    return labels.problem_sentence(code, shown)


def sentence_of_file(file_name: str | None, sentence: str) -> str:
    """A sentence about a file, with its name before it where it has one."""
    return (
        _("ファイル「%(file)s」：%(sentence)s") % {"file": file_name, "sentence": sentence} if file_name else sentence
    )


def too_large_sentence(size: int) -> str:
    """A body of so many bytes was not even kept."""
    limit = settings.ROSTER_MAX_BYTES // MEGABYTE
    return failure_sentence("too_large", {"megabytes": f"{-(-size // MEGABYTE):,}", "limit": f"{limit:,}"})


def field_word(name: str) -> str:
    """A field as forms call it: phone, phone2, …"""
    base = name.rstrip("0123456789")
    word = str(labels.FIELDS[base])
    number = name.removeprefix(base)
    return _("%(field)s（%(number)s番目）") % {"field": word, "number": number} if number else word
