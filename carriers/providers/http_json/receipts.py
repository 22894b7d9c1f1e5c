"""The carrier's calls of our webhook: proved genuine, then read as receipts, by the account's configuration."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

import orjson

from carriers import reasons
from carriers.base import Receipt, ReceiptStatus
from carriers.errors import MalformedReceipt, Misconfigured, NotAuthentic, Refusal
from carriers.providers.http_json.paths import Path, find, find_text, read_path
from carriers.providers.http_json.reading import Reader

PROOFS: Final = frozenset({"signature", "secret"})
ALGORITHMS: Final = frozenset({"sha256", "sha512"})
_DECODERS: Final[Mapping[str, Callable[[str], bytes]]] = {"hex": bytes.fromhex, "base64": base64.b64decode}
_STATUSES: Final = {status.value: status for status in ReceiptStatus}
_ENDING: Final = frozenset({ReceiptStatus.REJECTED, ReceiptStatus.UNDELIVERED, ReceiptStatus.EXPIRED})
_MOST: Final = 5_000
_MILLISECONDS: Final = 100_000_000_000  # an instant beyond the year 5138 in seconds is written in milliseconds
_SHORTEST_SECRET: Final = 16


@dataclass(frozen=True, slots=True)
class ReceiptRules:
    """``receipts`` of an account's configuration.

    - ``proof``: ``signature`` (HMAC with the secret ``webhook_secret`` over the raw body) or ``secret`` (the header holds it).
    - ``header``; for a signature ``algorithm`` (``sha256``), ``encoding`` (``hex`` or ``base64``) and ``prefix``
      (as in ``sha256=``); ``timestamp_header``: Unix seconds, put before the body with a dot between, at most
      ``tolerance_s`` (300) old.
    - ``list_path``: where the receipts stand (``.`` for the document itself, which may be one or a list).
    - ``id_path``, ``status_path``, ``code_path``, ``time_path``, ``to_path``, ``reference_path``: within one receipt.
    - ``statuses``: the carrier's word → ``delivered``, ``undelivered``, ``rejected``, ``expired`` or ``pending``.
    - ``reasons``: the carrier's error code → a name of ``carriers.reasons``.
    """

    secret: bytes = field(repr=False)
    is_signed: bool
    header: str
    algorithm: str
    encoding: str
    prefix: str
    timestamp_header: str
    tolerance_s: int
    list_path: Path
    id_path: Path
    status_path: Path
    code_path: Path | None
    time_path: Path | None
    to_path: Path | None
    reference_path: Path | None
    statuses: Mapping[str, ReceiptStatus]
    reasons: Mapping[str, str]


def read_receipt_rules(config: Mapping[str, Any], *, secret: str) -> ReceiptRules | None:
    """None without ``receipts``. Raises ``Misconfigured``."""
    if not config:
        return None
    reader = Reader(config, within="receipts.")
    if len(secret) < _SHORTEST_SECRET:
        raise Misconfigured(f"receipts want a webhook_secret of {_SHORTEST_SECRET} characters or more")
    rules = ReceiptRules(
        secret=secret.encode(),
        is_signed=reader.choice("proof", PROOFS, "signature") == "signature",
        header=reader.text("header", longest=60, required=True),
        algorithm=reader.choice("algorithm", ALGORITHMS, "sha256"),
        encoding=reader.choice("encoding", _DECODERS.keys(), "hex"),
        prefix=reader.text("prefix", longest=20),
        timestamp_header=reader.text("timestamp_header", longest=60),
        tolerance_s=reader.integer("tolerance_s", 1, 86_400, default=300),
        list_path=read_path(reader.text("list_path") or ".", "receipts.list_path"),
        id_path=read_path(reader.text("id_path", required=True), "receipts.id_path"),
        status_path=read_path(reader.text("status_path", required=True), "receipts.status_path"),
        code_path=_path(reader, "code_path"),
        time_path=_path(reader, "time_path"),
        to_path=_path(reader, "to_path"),
        reference_path=_path(reader, "reference_path"),
        statuses=_statuses(reader),
        reasons=_reasons(reader),
    )
    reader.refuse_unread()
    return rules


class ReceiptHook:
    """``carriers.base.ReceiptHook`` for one account."""

    def __init__(self, rules: ReceiptRules) -> None:
        self._rules = rules

    def check(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
        """Raises ``NotAuthentic``, which says why. Compares in constant time."""
        rules = self._rules
        given = headers.get(rules.header, "")
        if not given:
            raise NotAuthentic(code=Refusal.NO_PROOF)
        if not rules.is_signed:
            if not hmac.compare_digest(given.encode(), rules.secret):
                raise NotAuthentic
            return
        signed = body
        if rules.timestamp_header:
            at = headers.get(rules.timestamp_header, "")
            if not at.isascii() or not at.isdigit() or abs(int(at[:12]) - now.timestamp()) > rules.tolerance_s:
                raise NotAuthentic(code=Refusal.WRONG_TIME)
            signed = at.encode() + b"." + body
        wanted = hmac.new(rules.secret, signed, getattr(hashlib, rules.algorithm)).digest()
        try:
            signature = _DECODERS[rules.encoding](given.removeprefix(rules.prefix))
        except (ValueError, binascii.Error) as exc:
            raise NotAuthentic from exc
        if not given.startswith(rules.prefix) or not hmac.compare_digest(signature, wanted):
            raise NotAuthentic

    def read(self, body: bytes) -> list[Receipt]:
        """Raises ``MalformedReceipt`` when the body is none of this carrier's; a word that is in no table is ``PENDING``."""
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as exc:
            raise MalformedReceipt("no JSON") from MalformedReceipt(type(exc).__name__)
        found = find(document, self._rules.list_path)
        entries = found if isinstance(found, list) else [found]
        if not entries or len(entries) > _MOST or not all(isinstance(entry, dict) for entry in entries):
            raise MalformedReceipt("no receipts where they should stand")
        return [self._receipt(entry) for entry in entries]

    def _receipt(self, entry: dict[str, Any]) -> Receipt:
        rules = self._rules
        carrier_id, word = find_text(entry, rules.id_path), find_text(entry, rules.status_path)
        if not carrier_id or not word:
            raise MalformedReceipt("a receipt without id or status")
        status = rules.statuses.get(word)
        code = find_text(entry, rules.code_path, longest=20)
        reason = ""
        if status is None:
            code, reason = word[:20], reasons.UNKNOWN_CODE
        elif status in _ENDING:
            fallback = reasons.UNKNOWN_CODE if code else reasons.CARRIER_TROUBLE
            reason = reasons.EXPIRED if status is ReceiptStatus.EXPIRED and not code else fallback
            reason = rules.reasons.get(code, reason)
        reference = find_text(entry, rules.reference_path)
        return Receipt(
            carrier_id=carrier_id,
            status=status or ReceiptStatus.PENDING,
            code=code,
            reason=reason,
            to=_number(find_text(entry, rules.to_path)),
            done_at=_instant(find(entry, rules.time_path)) if rules.time_path else None,
            reference=int(reference) if reference.isascii() and reference.isdigit() and len(reference) < 6 else None,
            raw=orjson.dumps(entry),
        )


def _path(reader: Reader, key: str) -> Path | None:
    text = reader.text(key)
    return read_path(text, f"receipts.{key}") if text else None


def _statuses(reader: Reader) -> Mapping[str, ReceiptStatus]:
    given = reader.mapping("statuses", required=True)
    if not all(isinstance(word, str) and word in _STATUSES for word in given.values()):
        raise Misconfigured(f"receipts.statuses must map the carrier's words to {sorted(_STATUSES)}")
    if ReceiptStatus.DELIVERED.value not in given.values():
        raise Misconfigured("receipts.statuses must say which word means delivered")
    return MappingProxyType({word: _STATUSES[status] for word, status in given.items()})


def _reasons(reader: Reader) -> Mapping[str, str]:
    given = reader.mapping("reasons")
    if not all(isinstance(reason, str) and reason in reasons.ALL for reason in given.values()):
        raise Misconfigured(f"receipts.reasons must map the carrier's codes to {sorted(reasons.ALL)}")
    return MappingProxyType(dict(given))


def _number(text: str) -> str:
    """E.164 of a number as the carrier wrote it; "" where it is none."""
    digits = text.removeprefix("+")
    if not digits.isascii() or not digits.isdigit() or not 8 <= len(digits) <= 15:
        return ""
    return f"+81{digits[1:]}" if digits.startswith("0") and not digits.startswith("00") else f"+{digits}"


def _instant(value: Any) -> datetime | None:
    """ISO 8601 with offset, or Unix seconds or milliseconds; None for anything else."""
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            return at if at.tzinfo else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if value > _MILLISECONDS else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None
