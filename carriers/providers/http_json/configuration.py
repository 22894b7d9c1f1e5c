"""The configuration of one account of a JSON API, read and checked."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from carriers import reasons
from carriers.base import CodeMeaning, Outcome
from carriers.errors import Misconfigured
from carriers.http import HttpTimes
from carriers.providers.http_json.paths import Path, read_path
from carriers.providers.http_json.reading import Reader
from carriers.providers.http_json.receipts import ReceiptRules, read_receipt_rules
from carriers.providers.http_json.templates import PLACEHOLDERS, placeholders_in
from carriers.tls import TlsSettings

METHODS: Final = frozenset({"POST", "PUT"})
AUTHS: Final = frozenset({"none", "basic", "bearer", "header"})
DESTINATION_FORMS: Final = frozenset({"e164", "digits", "national"})
OUTCOMES: Final = {outcome.value: outcome for outcome in Outcome}
ACCOUNT: Final = "account"  # as an outcome: the account is refused, not the text
SECRET_NAMES: Final = frozenset({"password", "token", "webhook_secret", "tls_key", "tls_key_password"})
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,60}")
_HEADER_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,998}[\x21-\x7e])?")
_NEEDED: Final = ("to", "text")
_DEPTH: Final = 20


@dataclass(frozen=True, slots=True)
class Configuration:
    """What an account's ``config`` may hold; ``docs/how-to/add-a-carrier.md`` explains each with an example.

    - ``url``, ``method`` (``POST`` or ``PUT``), ``headers``: the request; ``plain_http``: ``true`` allows ``http://``.
    - ``body``: JSON with the placeholders ``{to}``, ``{text}``, ``{sender}``, ``{reference}`` and ``{key}`` in strings.
    - ``sender``: where a text names none; ``destination_form``: ``e164`` (+8190…), ``digits`` or ``national`` (090…).
    - ``id_path``: where the answer holds the carrier's id; ``code_path``: … a code of its own; ``codes`` and ``statuses``:
      what codes and HTTP statuses mean, as in ``{"4001": {"outcome": "final", "reason": "not_in_use"}}``. The outcome
      ``account`` refuses the account and no text.
    - ``auth``: ``none``, ``basic`` (``username`` and the secret ``password``), ``bearer`` (the secret ``token``) or
      ``header`` (``auth_header`` and ``token``).
    - ``check_url``: asked by GET when the link opens; without it a connection is made and closed.
    - ``idempotency_header``: the API takes a key there and never takes the same key twice, for a day at least.
    - ``tls_ca``, ``tls_verify``, ``tls_cert``, and the secrets ``tls_key`` and ``tls_key_password``: as for SMPP.
    - ``connect_timeout_s`` (5), ``answer_timeout_s`` (8), ``repeat_s`` (0.5), ``repeats`` (2).
    - ``receipts``: how the carrier's calls of our webhook are proved and read (``ReceiptRules``).
    """

    url: str
    method: str
    body: Any
    headers: Mapping[str, str] = field(repr=False)
    sender: str
    destination_form: str
    id_path: Path
    code_path: Path | None
    codes: Mapping[str, CodeMeaning | None]
    statuses: Mapping[int, CodeMeaning | None]
    check_url: str
    idempotency_header: str
    times: HttpTimes
    repeats: int
    repeat_s: float
    tls: TlsSettings
    receipts: ReceiptRules | None

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> Configuration:
        """Raises ``Misconfigured``, naming the key that is wrong and never its value."""
        reader = Reader(config)
        allow_plain = reader.flag("plain_http")
        configuration = cls(
            url=_url(reader, "url", required=True, allow_plain=allow_plain),
            method=reader.choice("method", METHODS, "POST"),
            body=_body(reader),
            headers=_headers(reader),
            sender=reader.text("sender", longest=60),
            destination_form=reader.choice("destination_form", DESTINATION_FORMS, "e164"),
            id_path=read_path(reader.text("id_path", required=True), "id_path"),
            code_path=_optional_path(reader, "code_path"),
            codes=_meanings(reader, "codes"),
            statuses=MappingProxyType(
                {_status(status): meaning for status, meaning in _meanings(reader, "statuses").items()}
            ),
            check_url=_url(reader, "check_url", allow_plain=allow_plain),
            idempotency_header=_header_name(reader, "idempotency_header"),
            times=HttpTimes(
                connect_s=reader.seconds("connect_timeout_s", 5.0, 60),
                answer_s=reader.seconds("answer_timeout_s", 8.0, 60),
            ),
            repeats=reader.integer("repeats", 0, 5, default=2),
            repeat_s=reader.seconds("repeat_s", 0.5, 10),
            tls=_tls(reader),
            receipts=read_receipt_rules(reader.mapping("receipts"), secret=reader.text("webhook_secret", longest=500)),
        )
        reader.refuse_unread()
        return configuration


def _tls(reader: Reader) -> TlsSettings:
    settings = TlsSettings(
        ca=reader.pem("tls_ca"),
        verify=reader.flag("tls_verify", default=True),
        certificate=reader.pem("tls_cert"),
        key=reader.pem("tls_key"),
        key_password=reader.text("tls_key_password"),
    )
    settings.check()
    return settings


def _url(reader: Reader, key: str, *, allow_plain: bool, required: bool = False) -> str:
    text = reader.text(key, longest=2000, required=required)
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        has_port = parts.port != 0
    except ValueError as exc:
        raise Misconfigured(f"{key} is no address") from Misconfigured(type(exc).__name__)
    if parts.username or parts.password:
        raise Misconfigured(f"{key} holds a log-in: it belongs into the sealed part")
    is_plain = re.search(r"[\x00-\x20\x7f-\uffff]", text) is None
    if parts.scheme not in ({"http", "https"} if allow_plain else {"https"}) or not parts.hostname or not has_port:
        raise Misconfigured(f"{key} must begin with https://")
    if not is_plain or parts.fragment:
        raise Misconfigured(f"{key} holds characters that no address may have")
    return text


def _body(reader: Reader) -> Any:
    body = reader.mapping("body", required=True)
    missing = [name for name in _NEEDED if name not in placeholders_in(body, depth=_DEPTH)]
    if missing:
        raise Misconfigured(
            f"body lacks {' and '.join('{' + name + '}' for name in missing)} of {sorted(PLACEHOLDERS)}"
        )
    return body


def _headers(reader: Reader) -> Mapping[str, str]:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    for name, value in reader.mapping("headers").items():
        if not _HEADER_NAME.fullmatch(name) or not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise Misconfigured("headers must be names and values in ASCII")
        headers[name] = value
    auth = reader.choice("auth", AUTHS, "none")
    username, password = reader.text("username", longest=200), reader.text("password", longest=500)
    token, name = reader.text("token", longest=900), _header_name(reader, "auth_header")
    if auth == "basic":
        pair = base64.b64encode(f"{username}:{password}".encode()).decode()
        if not username or ":" in username:
            raise Misconfigured("auth basic wants a username without a colon")
        headers["Authorization"] = f"Basic {pair}"
    elif auth != "none":
        if not _HEADER_VALUE.fullmatch(token) or (auth == "header" and not name):
            raise Misconfigured(f"auth {auth} wants a token in ASCII{' and auth_header' if auth == 'header' else ''}")
        headers[name if auth == "header" else "Authorization"] = token if auth == "header" else f"Bearer {token}"
    return MappingProxyType(headers)


def _header_name(reader: Reader, key: str) -> str:
    name = reader.text(key, longest=60)
    if name and not _HEADER_NAME.fullmatch(name):
        raise Misconfigured(f"{key} is no name of a header")
    return name


def _optional_path(reader: Reader, key: str) -> Path | None:
    text = reader.text(key, longest=200)
    return read_path(text, key) if text else None


def _meanings(reader: Reader, key: str) -> Mapping[str, CodeMeaning | None]:
    """Code → meaning; None for one that refuses the account."""
    found: dict[str, CodeMeaning | None] = {}
    for code, given in reader.mapping(key).items():
        outcome = given.get("outcome") if isinstance(given, dict) else None
        reason = given.get("reason", "") if isinstance(given, dict) else None
        if outcome == ACCOUNT:
            found[code] = None
            continue
        if not isinstance(outcome, str) or outcome not in OUTCOMES or not isinstance(reason, str):
            raise Misconfigured(f"{key} must say outcome ({', '.join([*OUTCOMES, ACCOUNT])}) and reason of each code")
        if reason not in reasons.ALL and (reason or OUTCOMES[outcome] is Outcome.FINAL):
            raise Misconfigured(f"{key} names a reason that is none of {sorted(reasons.ALL)}")
        found[code] = CodeMeaning(OUTCOMES[outcome], reason)
    return MappingProxyType(found)


def _status(text: str) -> int:
    if not re.fullmatch(r"[1-5]\d\d", text):
        raise Misconfigured("statuses must be HTTP statuses")
    return int(text)
