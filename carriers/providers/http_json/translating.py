"""Our values to a request, and its answer to our words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
import structlog

from carriers import reasons
from carriers.base import CodeMeaning, Outcome, Outgoing
from carriers.http import HttpAnswer
from carriers.providers.http_json.configuration import Configuration
from carriers.providers.http_json.paths import find_text
from carriers.providers.http_json.statuses import ACCOUNT_STATUSES, STATUSES, UNCLEAR
from carriers.providers.http_json.templates import fill

log: Final = structlog.get_logger(__name__)
_COUNTRY: Final = "+81"
_REPORTED_AT_MOST: Final = 1_000
NO_ID: Final = "no_id"


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says. ``refuses_account``: it speaks of the account, and no text was taken."""

    outcome: Outcome
    carrier_id: str = ""
    code: str = ""
    reason: str = ""
    refuses_account: bool = False


class Translator:
    """One account's dialect. Reports each unknown code once."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._statuses: Mapping[int, CodeMeaning | None] = {
            **STATUSES,
            **dict.fromkeys(ACCOUNT_STATUSES),
            **configuration.statuses,
        }
        self._reported: set[str] = set()

    def request(self, outgoing: Outgoing) -> tuple[dict[str, str], bytes]:
        """Headers and body."""
        configuration, key = self._configuration, key_of(outgoing)
        values = {
            "to": _destination(outgoing.to, configuration.destination_form),
            "text": outgoing.text,
            "sender": outgoing.sender or configuration.sender,
            "reference": str(outgoing.reference),
            "key": key,
        }
        headers = dict(configuration.headers)
        if configuration.idempotency_header:
            headers[configuration.idempotency_header] = key
        return headers, orjson.dumps(fill(configuration.body, values))

    def read(self, answer: HttpAnswer) -> Reading:
        """A code of the carrier's own goes before the HTTP status; what is in no table is unknown."""
        document = _document(answer.body)
        code = find_text(document, self._configuration.code_path, longest=20)
        if code in self._configuration.codes:
            return self._meant(self._configuration.codes[code], code, document)
        is_success = 200 <= answer.status < 300
        if is_success and code:
            self._report("http.unknown_code", code)
            return Reading(Outcome.UNKNOWN, code=code, reason=reasons.UNKNOWN_CODE)
        shown = code or f"HTTP {answer.status}"
        if answer.status in self._statuses:
            return self._meant(self._statuses[answer.status], shown, document)
        if is_success:
            return self._meant(CodeMeaning(Outcome.ACCEPTED, ""), shown, document)
        if answer.status not in UNCLEAR:
            self._report("http.unknown_status", shown)
        return Reading(Outcome.UNKNOWN, code=shown, reason=reasons.UNKNOWN_CODE)

    def _meant(self, meaning: CodeMeaning | None, code: str, document: Any) -> Reading:
        if meaning is None:
            return Reading(Outcome.RETRY, code=code, reason=reasons.CARRIER_TROUBLE, refuses_account=True)
        if meaning.outcome is not Outcome.ACCEPTED:
            return Reading(meaning.outcome, code=code, reason=meaning.reason)
        carrier_id = find_text(document, self._configuration.id_path)
        if carrier_id:
            return Reading(Outcome.ACCEPTED, carrier_id)
        self._report("http.answer_without_id", NO_ID)
        return Reading(Outcome.UNKNOWN, code=NO_ID, reason=reasons.UNKNOWN_CODE)

    def _report(self, event: str, code: str) -> None:
        key = f"{event} {code}"
        if key not in self._reported and len(self._reported) < _REPORTED_AT_MOST:
            self._reported.add(key)
            log.warning(event, code=code[:20])


def key_of(outgoing: Outgoing) -> str:
    """The same for each try of the same part, by whichever process; of another for each other text."""
    source = f"{outgoing.key}\0{outgoing.part}\0{outgoing.to}\0{outgoing.text}"
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _document(body: bytes | None) -> Any:
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return None


def _destination(to: str, form: str) -> str:
    if form == "e164":
        return to
    if form == "national" and to.startswith(_COUNTRY):
        return "0" + to[len(_COUNTRY) :]
    return to.removeprefix("+")
