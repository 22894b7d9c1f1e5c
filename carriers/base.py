"""The contract between Todoke and a carrier: values in, values out.

A provider translates these into its dialect and back. Whether to retry, whom to bill and what to show is decided in
``dispatch``, from the kind of each outcome.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol


class Outcome(enum.Enum):
    """What a carrier's answer to one part means for us."""

    ACCEPTED = "accepted"
    RETRY = "retry"  # a definite no for now: nothing was taken, try again
    THROTTLED = "throttled"  # the same, and slow down
    FINAL = "final"  # a definite and lasting no
    UNKNOWN = "unknown"  # it may have been taken; nobody can know


class ReceiptStatus(enum.Enum):
    """What a receipt says of one part. ``PENDING`` is an interim notice and ends nothing."""

    PENDING = "pending"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"


class LongText(enum.Enum):
    """How a text of several parts travels (the account says which)."""

    UDH = "udh"
    SAR = "sar"
    PAYLOAD = "payload"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do, as configured for one account."""

    receipts: bool
    long_text: bool
    window: int  # parts that may be unanswered at once, per bind
    idempotent: bool = False  # takes a key, so that an unknown outcome may be repeated safely
    webhook: bool = False  # receipts come by ReceiptHook, not to the listener


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One part that is to leave.

    ``key`` is the caller's and comes back in the result. ``reference`` is 0..65535 and is given to the carrier as
    ``user_message_reference`` where it takes one (SMPP 3.4 §5.3.2.17), and as the concatenation reference of the parts.
    """

    key: int
    to: str  # E.164, with the plus
    sender: str
    text: str  # the whole text; the provider cuts out part `part`
    part: int  # from 1
    parts: int
    reference: int


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """The carrier's answer to one part."""

    key: int
    outcome: Outcome
    carrier_id: str = ""  # normalised as the account says; empty unless accepted
    code: str = ""  # the carrier's own, e.g. "0x00000058"
    reason: str = ""  # ours: a name of carriers.reasons


@dataclass(frozen=True, slots=True)
class Receipt:
    """A carrier's report on one part, as stored before it is acknowledged."""

    carrier_id: str  # normalised like SubmitResult.carrier_id
    status: ReceiptStatus
    code: str
    reason: str
    to: str  # E.164 of the handset as far as the carrier told it, else ""
    done_at: datetime | None
    reference: int | None
    raw: bytes
    token: object = None  # what `acknowledge` needs


@dataclass(frozen=True, slots=True)
class Inbound:
    """A text that a resident sent to us: a deliver_sm that is no receipt. A long one comes in parts of one reference."""

    sender: str
    to: str
    text: str
    raw: bytes
    token: object = None
    reference: int = 0
    part: int = 1
    parts: int = 1


class Listener(Protocol):
    """Who hears from a link. Called on the event loop, once per tick with all that the tick brought; must not block."""

    def on_results(self, results: Sequence[SubmitResult]) -> None: ...

    def on_receipts(self, receipts: Sequence[Receipt]) -> None: ...

    def on_inbound(self, messages: Sequence[Inbound]) -> None: ...

    def on_closed(self, reason: str) -> None:
        """The link is gone. What was submitted and not answered has an unknown outcome."""


class Link(Protocol):
    """One bind to a carrier, opened and closed by the pump of one worker."""

    capabilities: Capabilities
    is_refused: bool
    """Whether the carrier refused the account itself once the link was open: true before ``on_closed`` then. The operator is
    told as of a refused bind, and it is tried again slowly."""

    async def open(self, listener: Listener) -> None:
        """Connect and bind. Raises ``carriers.errors.Unreachable`` or ``Misconfigured``."""

    def count_parts(self, text: str) -> int:
        """How many submissions this text takes (1 for a text sent whole)."""

    def submit(self, outgoing: Sequence[Outgoing]) -> None:
        """Hand the parts to the carrier in one write; results come to the listener."""

    def acknowledge(self, tokens: Sequence[object], *, stored: bool) -> None:
        """Answer receipts and inbound texts; ``stored=False`` asks the carrier to send them again later."""

    async def close(self, *, drain_s: float) -> None:
        """Stop taking, wait for outstanding answers for at most ``drain_s`` seconds, unbind, close."""


class ReceiptHook(Protocol):
    """How one account's calls of our webhook are proved and read."""

    def check(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
        """Whether the carrier made this call; names of headers in any case. Raises ``carriers.errors.NotAuthentic``."""

    def read(self, body: bytes) -> list[Receipt]:
        """Raises ``carriers.errors.MalformedReceipt``."""


class Provider(Protocol):
    """A kind of carrier. Registered by name in ``carriers.registry``."""

    name: str
    secret_names: frozenset[str]  # keys of a configuration that are sealed, never shown

    def link(self, config: Mapping[str, Any], *, window: int) -> Link:
        """A link that is not yet open. Raises ``Misconfigured`` when the configuration is unusable."""

    def receipt_hook(self, config: Mapping[str, Any]) -> ReceiptHook | None:
        """None where this account's receipts do not come by webhook. Raises ``Misconfigured``."""


@dataclass(frozen=True, slots=True)
class CodeMeaning:
    """One row of a provider's status table."""

    outcome: Outcome
    reason: str


UNKNOWN_CODE: Final = "unknown_code"


@dataclass(frozen=True, slots=True)
class LinkStats:
    """What the operators' page shows of an open link."""

    outstanding: int = 0
    codes: Mapping[str, int] = field(default_factory=dict)
