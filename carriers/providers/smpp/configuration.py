"""The configuration of one SMPP account, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from carriers import reasons
from carriers.base import LongText
from carriers.errors import Misconfigured
from carriers.smpp.ids import IdForm, IdRules
from carriers.smpp.session import Timers
from carriers.tls import PEM_LENGTH, TlsSettings

_MODES: Final = frozenset({"transceiver", "transmitter_receiver"})
_NUMBER_FORMS: Final = frozenset({"international", "national"})
_DATA_CODINGS: Final = frozenset({"auto", "ucs2"})
_MAX_WINDOW: Final = 10_000
_REASONS: Final = tuple(reasons.ALL)  # a value that can't be hashed must not end in a TypeError


@dataclass(frozen=True, slots=True)
class Configuration:
    """What an account's ``config`` may hold; everything but ``host``, ``port`` and ``system_id`` may be left out.

    - ``host``, ``port``: where the SMSC listens.
    - ``system_id``, ``password``, ``system_type``: what the bind says (SMPP 3.4 §4.1.1).
    - ``mode``: ``transceiver`` (default), or ``transmitter_receiver`` for a pair of binds.
    - ``tls``: ``true`` for TLS; ``tls_ca``: certificates to trust instead of the system's; ``tls_verify``: ``false`` takes
      any certificate (never in production); ``tls_cert`` and the secrets ``tls_key`` and ``tls_key_password``: who we are,
      where the carrier asks. Each is a file, or what would stand in it (PEM).
    - ``source_addr``: the sender where a text names none; ``source_ton``, ``source_npi``: its type and plan, by default
      5/0 for a name, 1/1 for an international number, 0/1 for other digits.
    - ``destination_form``: ``international`` (default: 8190…, type 1) or ``national`` (090…, type 2);
      ``destination_ton``, ``destination_npi`` override.
    - ``service_type``: of submit_sm (§5.2.11).
    - ``long_text``: ``udh`` (default), ``sar`` or ``payload``.
    - ``data_coding``: ``auto`` (default: GSM 03.38 where it suffices, else UCS-2) or ``ucs2`` always.
    - ``registered_delivery``: §5.2.17, default 1 (receipts, whatever the outcome); 0 for none.
    - ``user_message_reference``: ``false`` where the carrier refuses this TLV.
    - ``id_form``: ``as_is`` (default), ``hex_to_decimal`` (answers are hexadecimal, receipts decimal) or
      ``decimal_to_hex``; ``lower``, ``strip_zeros``: with ``as_is``, ids differ in case, or in zeros in front.
    - ``receipt_time_zone``: of ``done date:``, default ``Asia/Tokyo``; ``receipt_error_base``: 10 or 16 where
      ``err:`` is always that; ``receipt_codes``: the carrier's own error codes, as in ``{"201": "ported"}``.
    - ``window``: parts unanswered at once, where the SMSC wants fewer than the account's row says.
    - ``enquire_link_s`` (15), ``enquire_answer_s`` (10), ``answer_timeout_s`` (30), ``connect_timeout_s`` (10),
      ``unbind_timeout_s`` (2).
    """

    host: str
    port: int
    system_id: str
    password: str = field(default="", repr=False)
    system_type: str = ""
    mode: str = "transceiver"
    tls: TlsSettings | None = None
    source_addr: str = ""
    source_ton: int | None = None
    source_npi: int | None = None
    destination_form: str = "international"
    destination_ton: int | None = None
    destination_npi: int = 1
    service_type: str = ""
    long_text: LongText = LongText.UDH
    data_coding: str = "auto"
    registered_delivery: int = 1
    user_message_reference: bool = True
    id_rules: IdRules = field(default_factory=IdRules)
    receipt_time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Tokyo"))
    receipt_error_base: int | None = None
    receipt_codes: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    window: int = _MAX_WINDOW
    timers: Timers = field(default_factory=Timers)

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> Configuration:
        """Raises ``Misconfigured``, naming the key that is wrong and never its value."""
        reader = _Reader(config)
        configuration = cls(
            host=reader.text("host", required=True),
            port=reader.integer("port", 1, 65535, required=True),
            system_id=reader.text("system_id", longest=15, required=True),
            password=reader.text("password", longest=255),
            system_type=reader.text("system_type", longest=12),
            mode=reader.choice("mode", _MODES, "transceiver"),
            tls=reader.tls(),
            source_addr=reader.text("source_addr", longest=20),
            source_ton=reader.optional_integer("source_ton", 0, 255),
            source_npi=reader.optional_integer("source_npi", 0, 255),
            destination_form=reader.choice("destination_form", _NUMBER_FORMS, "international"),
            destination_ton=reader.optional_integer("destination_ton", 0, 255),
            destination_npi=reader.integer("destination_npi", 0, 255, default=1),
            service_type=reader.text("service_type", longest=5),
            long_text=LongText(reader.choice("long_text", {form.value for form in LongText}, "udh")),
            data_coding=reader.choice("data_coding", _DATA_CODINGS, "auto"),
            registered_delivery=reader.integer("registered_delivery", 0, 255, default=1),
            user_message_reference=reader.flag("user_message_reference", default=True),
            id_rules=reader.id_rules(),
            receipt_time_zone=reader.zone("receipt_time_zone", "Asia/Tokyo"),
            receipt_error_base=reader.error_base(),
            receipt_codes=reader.receipt_codes(),
            window=reader.integer("window", 1, _MAX_WINDOW, default=_MAX_WINDOW),
            timers=reader.timers(),
        )
        reader.refuse_unread()
        return configuration


class _Reader:
    """Takes typed values out of a mapping and remembers which keys were asked for."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config
        self._read: set[str] = set()

    def get(self, key: str, default: object = None) -> Any:
        self._read.add(key)
        return self._config.get(key, default)

    def text(self, key: str, *, longest: int = 255, required: bool = False) -> str:
        value = self.get(key, "")
        if not isinstance(value, str) or len(value) > longest or not value.isascii() or "\0" in value:
            raise Misconfigured(key)
        if required and not value:
            raise Misconfigured(key)
        return value

    def integer(self, key: str, least: int, most: int, *, default: int | None = None, required: bool = False) -> int:
        value = self.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise Misconfigured(key)
        return value

    def optional_integer(self, key: str, least: int, most: int) -> int | None:
        return None if self.get(key) is None else self.integer(key, least, most)

    def seconds(self, key: str, default: float) -> float:
        value = self.get(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 3600:
            raise Misconfigured(key)
        return float(value)

    def flag(self, key: str, *, default: bool = False) -> bool:
        value = self.get(key, default)
        if not isinstance(value, bool):
            raise Misconfigured(key)
        return value

    def choice(self, key: str, allowed: frozenset[str] | set[str], default: str) -> str:
        value = self.get(key, default)
        if not isinstance(value, str) or value not in allowed:
            raise Misconfigured(key)
        return value

    def zone(self, key: str, default: str) -> ZoneInfo:
        try:
            return ZoneInfo(self.get(key, default))
        except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
            raise Misconfigured(key) from None

    def error_base(self) -> int | None:
        value = self.optional_integer("receipt_error_base", 10, 16)
        if value not in {None, 10, 16}:
            raise Misconfigured("receipt_error_base")
        return value

    def id_rules(self) -> IdRules:
        form = IdForm(self.choice("id_form", {form.value for form in IdForm}, "as_is"))
        return IdRules(form=form, lower=self.flag("lower"), strip_zeros=self.flag("strip_zeros"))

    def receipt_codes(self) -> Mapping[int, str]:
        value = self.get("receipt_codes", {})
        if not isinstance(value, Mapping) or not all(reason in _REASONS for reason in value.values()):
            raise Misconfigured("receipt_codes")
        try:
            return MappingProxyType({int(str(code), 0): reason for code, reason in value.items()})
        except ValueError:
            raise Misconfigured("receipt_codes") from None

    def tls(self) -> TlsSettings | None:
        is_wanted = self.flag("tls")
        settings = TlsSettings(
            ca=self.text("tls_ca", longest=PEM_LENGTH),
            verify=self.flag("tls_verify", default=True),
            certificate=self.text("tls_cert", longest=PEM_LENGTH),
            key=self.text("tls_key", longest=PEM_LENGTH),
            key_password=self.text("tls_key_password"),
        )
        if not is_wanted:
            return None
        settings.check()
        return settings

    def timers(self) -> Timers:
        return Timers(
            enquire_link_s=self.seconds("enquire_link_s", 15.0),
            enquire_answer_s=self.seconds("enquire_answer_s", 10.0),
            answer_s=self.seconds("answer_timeout_s", 30.0),
            connect_s=self.seconds("connect_timeout_s", 10.0),
            unbind_s=self.seconds("unbind_timeout_s", 2.0),
        )

    def refuse_unread(self) -> None:
        """A key that nobody reads is a slip of the pen: better said than ignored."""
        unread = set(self._config) - self._read
        if unread:
            raise Misconfigured(f"unknown: {', '.join(sorted(unread))}")
