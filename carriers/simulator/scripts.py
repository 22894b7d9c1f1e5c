"""What becomes of a text, by its number: 060-1SSn-xxxx, where SS picks the script and n is its figure.

Any other number goes by the rates of ``Behaviour``. The table is in ``docs/reference/simulator.md``; a test compares.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from carriers.simulator.behaviour import IdStyle, ReceiptForm
from carriers.smpp.constants import (
    ESME_RINVDSTADR,
    ESME_RMSGQFUL,
    ESME_RSUBMITFAIL,
    ESME_RSYSERR,
    ESME_RTHROTTLED,
    STATE_DELIVERED,
    STATE_ENROUTE,
    STATE_EXPIRED,
    STATE_REJECTED,
    STATE_UNDELIVERABLE,
)

# Errors of MAP (3GPP TS 29.002 §17.6); 201 is the simulator's own for a ported number.
ABSENT: Final = 6
BARRED: Final = 13
UNKNOWN_SUBSCRIBER: Final = 1
PORTED: Final = 201
SYSTEM_FAILURE: Final = 34
NO_SUCH_ERROR: Final = 987
NO_SUCH_STATUS: Final = 0x0000040B


class Cut(enum.Enum):
    """When the SMSC cuts the connection over a text."""

    NEVER = "never"
    BEFORE_TAKING = "before_taking"
    BEFORE_ANSWER = "before_answer"
    AFTER_ANSWER = "after_answer"


class Pieces(enum.Enum):
    """Which pieces of a long text a script is about; the others are delivered."""

    ALL = "all"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class Report:
    """A receipt to send ``after_s`` seconds later than the usual delay."""

    state: int
    error: int = 0
    after_s: float = 0.0
    is_unknown_id: bool = False


DELIVERED: Final = Report(STATE_DELIVERED)


@dataclass(frozen=True, slots=True)
class Script:
    """What becomes of one part.

    ``status`` is the answer; with ``refusals`` only that many submits of the part get it, and the next is accepted.
    ``is_immediate`` sends the receipt at once, whatever the delay.
    """

    status: int = 0
    refusals: int = 0
    is_answered: bool = True
    answer_after_s: float = 0.0
    cut: Cut = Cut.NEVER
    reports: tuple[Report, ...] = (DELIVERED,)
    is_immediate: bool = False
    answer_ids: IdStyle | None = None
    receipt_ids: IdStyle | None = None
    form: ReceiptForm | None = None
    pieces: Pieces = Pieces.ALL


DEFAULT: Final = Script()
SILENT: Final = Script(reports=())
UNDELIVERED: Final = Script(reports=(Report(STATE_UNDELIVERABLE, ABSENT),))
EXPIRED: Final = Script(reports=(Report(STATE_EXPIRED),))


def _undelivered(error: int) -> Script:
    return Script(reports=(Report(STATE_UNDELIVERABLE, error),))


def _figure(digit: int) -> int:
    """n, where 0 stands for ten."""
    return digit or 10


SCRIPTS: Final[Mapping[str, Callable[[int], Script]]] = {
    "00": lambda n: DEFAULT,
    "10": lambda n: _undelivered(ABSENT),
    "11": lambda n: _undelivered(BARRED),
    "12": lambda n: _undelivered(UNKNOWN_SUBSCRIBER),
    "13": lambda n: _undelivered(PORTED),
    "14": lambda n: _undelivered(SYSTEM_FAILURE),
    "15": lambda n: _undelivered(NO_SUCH_ERROR),
    "16": lambda n: Script(reports=(Report(STATE_REJECTED),)),
    "20": lambda n: EXPIRED,
    "21": lambda n: Script(reports=(Report(STATE_EXPIRED), Report(STATE_DELIVERED, after_s=_figure(n)))),
    "30": lambda n: Script(status=ESME_RINVDSTADR),
    "31": lambda n: Script(status=ESME_RSUBMITFAIL),
    "32": lambda n: Script(status=NO_SUCH_STATUS),
    "33": lambda n: Script(status=ESME_RTHROTTLED, refusals=_figure(n)),
    "34": lambda n: Script(status=ESME_RMSGQFUL, refusals=_figure(n)),
    "35": lambda n: Script(status=ESME_RSYSERR, refusals=_figure(n)),
    "40": lambda n: Script(answer_after_s=_figure(n)),
    "41": lambda n: SILENT,
    "42": lambda n: Script(is_answered=False, reports=()),
    "43": lambda n: Script(is_answered=False),
    "44": lambda n: Script(reports=(replace(DELIVERED, after_s=10.0 * _figure(n)),)),
    "50": lambda n: Script(cut=Cut.BEFORE_ANSWER),
    "51": lambda n: Script(cut=Cut.AFTER_ANSWER),
    "52": lambda n: Script(cut=Cut.BEFORE_TAKING, reports=()),
    "53": lambda n: Script(cut=Cut.BEFORE_ANSWER, reports=()),
    "60": lambda n: Script(reports=(DELIVERED,) * max(2, n)),
    "61": lambda n: Script(is_immediate=True, answer_after_s=0.5),
    "62": lambda n: Script(reports=(Report(STATE_UNDELIVERABLE, ABSENT), replace(DELIVERED, after_s=0.5))),
    "63": lambda n: Script(reports=(DELIVERED, Report(STATE_UNDELIVERABLE, ABSENT, after_s=0.5))),
    "64": lambda n: Script(reports=(Report(STATE_ENROUTE), replace(DELIVERED, after_s=1.0))),
    "65": lambda n: Script(reports=(replace(DELIVERED, is_unknown_id=True), DELIVERED)),
    "70": lambda n: Script(answer_ids=IdStyle.HEX, receipt_ids=IdStyle.DECIMAL),
    "71": lambda n: Script(answer_ids=IdStyle.DECIMAL, receipt_ids=IdStyle.UPPER_HEX),
    "72": lambda n: Script(answer_ids=IdStyle.DECIMAL, receipt_ids=IdStyle.PADDED),
    "73": lambda n: Script(answer_ids=IdStyle.HEX, receipt_ids=IdStyle.UPPER_HEX),
    "74": lambda n: Script(form=ReceiptForm.TLV_ONLY),
    "75": lambda n: Script(form=ReceiptForm.TEXT_ONLY),
    "76": lambda n: Script(form=ReceiptForm.TLV_DISAGREES),
    "77": lambda n: Script(form=ReceiptForm.ODD),
    "78": lambda n: Script(form=ReceiptForm.DATA_SM),
    "80": lambda n: replace(UNDELIVERED, pieces=Pieces.LAST),
    "81": lambda n: replace(SILENT, pieces=Pieces.LAST),
    "82": lambda n: Script(status=ESME_RINVDSTADR, pieces=Pieces.LAST),
}

_SCRIPTED: Final = re.compile(r"(?:\+?81|0)601(\d\d)(\d)\d{4}")


def scripted(destination: str, *, number: int, total: int) -> Script | None:
    """The script of a part by the number it goes to, or ``None`` where that is not scripted.

    060-1SSn-xxxx with an SS that is not in the table is delivered.
    """
    match = _SCRIPTED.fullmatch(destination)
    if match is None:
        return None
    script = SCRIPTS[match[1]](int(match[2])) if match[1] in SCRIPTS else DEFAULT
    if script.pieces is Pieces.LAST and (total == 1 or number < total):
        return DEFAULT
    return script
