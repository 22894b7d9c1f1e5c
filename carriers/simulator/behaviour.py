"""The knobs of the simulated SMSC: given on the command line, turned by the control port while it runs."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from carriers.smpp.constants import STATUS_NAMES


class IdStyle(enum.Enum):
    """How a message id is written."""

    DECIMAL = "decimal"
    HEX = "hex"
    UPPER_HEX = "upper_hex"
    PADDED = "padded"  # decimal, 20 digits
    PADDED_HEX = "padded_hex"  # upper-case hexadecimal, 16 digits
    ENDLESS = "endless"  # 100 digits, more than SMPP allows (§5.2.23)

    def write(self, number: int) -> str:
        return _WRITERS[self].format(number)


_WRITERS: Mapping[IdStyle, str] = {
    IdStyle.DECIMAL: "{:d}",
    IdStyle.HEX: "{:x}",
    IdStyle.UPPER_HEX: "{:X}",
    IdStyle.PADDED: "{:020d}",
    IdStyle.PADDED_HEX: "{:016X}",
    IdStyle.ENDLESS: "{:0100d}",
}


class ReceiptForm(enum.Enum):
    """How a receipt is written."""

    USUAL = "usual"  # text and TLVs agree
    TLV_ONLY = "tlv_only"
    TEXT_ONLY = "text_only"
    TLV_DISAGREES = "tlv_disagrees"  # the text says the opposite; the TLV is right
    ODD = "odd"  # lower case, seconds in the dates, hexadecimal error, fields in another order
    DATA_SM = "data_sm"


class BadBehaviour(ValueError):
    """A knob that does not exist, or a value that it does not take."""


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds, drawn evenly between two bounds."""

    least: float
    most: float

    @classmethod
    def parse(cls, value: object) -> Span:
        """``0.5``, ``"0.5"`` or ``"0.2:3"``. Raises ``BadBehaviour``."""
        try:
            least, _, most = str(value).partition(":")
            span = cls(float(least), float(most or least))
        except ValueError:
            raise BadBehaviour(f"not MIN:MAX in seconds: {value}") from None
        if not 0 <= span.least <= span.most <= 7 * 86400:
            raise BadBehaviour(f"not MIN:MAX in seconds: {value}")
        return span


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the SMSC treats texts to numbers that are not scripted, and its binds.

    Rates are shares (0 to 1) of the parts that come, drawn with the seed. Those of one group exclude one another.
    """

    # What becomes of a submit: drawn first.
    throttle_rate: float = 0.0  # answered with 0x58
    queue_full_rate: float = 0.0  # answered with 0x14
    refuse_rate: float = 0.0  # answered with 0x45
    no_answer_rate: float = 0.0  # accepted, never answered, receipted all the same
    disconnect_rate: float = 0.0  # accepted, and the connection cut instead of an answer
    # What becomes of an accepted text.
    undelivered_rate: float = 0.0
    expired_rate: float = 0.0
    silent_rate: float = 0.0  # no receipt ever
    # What becomes of a receipt.
    duplicate_rate: float = 0.0  # sent twice
    early_rate: float = 0.0  # sent before the answer
    # Times, in seconds.
    answer_delay: Span = Span(0.0, 0.0)
    receipt_delay: Span = Span(0.2, 3.0)
    redeliver_s: float = 2.0  # a deliver_sm answered with an error goes out again after this
    deliver_timeout_s: float = 30.0  # … and one not answered after this
    # Binds.
    rate_limit: float = 0.0  # parts per second and bind, beyond it 0x58; 0: none
    window_limit: int = 0  # parts unanswered per bind, beyond it 0x58; 0: none
    receipt_window: int = 2000  # receipts unacknowledged per bind
    refuse_binds: int = 0  # the status every bind is refused with; 0: none
    hang: bool = False  # reads and answers nothing
    deaf: bool = False  # does not even read
    # Ids and receipts.
    answer_ids: IdStyle = IdStyle.HEX
    receipt_ids: IdStyle = IdStyle.HEX
    receipt_form: ReceiptForm = ReceiptForm.USUAL
    echo_reference: bool = True  # whether receipts bring user_message_reference back
    scripts: bool = True  # whether 060-1xxx-xxxx is scripted

    def changed(self, values: Mapping[str, Any]) -> Behaviour:
        """A copy with some knobs turned. Raises ``BadBehaviour``; then nothing is changed."""
        types = get_type_hints(Behaviour)
        unknown = set(values) - set(types)
        if unknown:
            raise BadBehaviour(f"no such knob: {', '.join(sorted(unknown))}")
        checked: dict[str, Any] = {name: _check(name, types[name], value) for name, value in values.items()}
        return dataclasses.replace(self, **checked)

    def as_json(self) -> dict[str, object]:
        """For ``GET /state``: each value in the form in which ``changed`` takes it."""
        return {item.name: _plain(getattr(self, item.name)) for item in dataclasses.fields(self)}


def _check(name: str, kind: Any, value: object) -> object:
    if kind is Span:
        return Span.parse(value)
    if kind is bool:
        return _check_flag(name, value)
    if issubclass(kind, enum.Enum):
        try:
            return kind(value)
        except ValueError:
            raise BadBehaviour(f"{name}: one of {', '.join(member.value for member in kind)}") from None
    try:
        number = kind(value)
    except (TypeError, ValueError):
        raise BadBehaviour(f"{name}: not a number") from None
    most = 1.0 if name.endswith("_rate") else 1e9
    if not 0 <= number <= most:
        raise BadBehaviour(f"{name}: not between 0 and {most:g}")
    if name == "refuse_binds" and number not in STATUS_NAMES:
        raise BadBehaviour(f"{name}: no status of SMPP 3.4")
    return number


def _check_flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise BadBehaviour(f"{name}: true or false")
    return value


def _plain(value: object) -> object:
    if isinstance(value, Span):
        return f"{value.least:g}:{value.most:g}"
    return value.value if isinstance(value, enum.Enum) else value
