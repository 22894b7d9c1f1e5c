"""What can go wrong with a carrier, by what it means for the text."""

from __future__ import annotations

import enum
from typing import ClassVar


class CarrierError(Exception):
    """``code`` is the carrier's own; the text of the exception never holds a number, a text or a credential."""

    retry: ClassVar[bool] = False

    def __init__(self, message: str = "", *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Unreachable(CarrierError):
    """Nothing left our side: connecting failed or the bind was not answered."""

    retry = True


class Throttled(CarrierError):
    """Try later, slower."""

    retry = True


class Rejected(CarrierError):
    """A final no."""


class OutcomeUnknown(CarrierError):
    """Bytes left, and no answer came."""


class Misconfigured(CarrierError):
    """Wrong credentials or an unusable configuration: pause the account and tell the operator."""


class Refusal(enum.StrEnum):
    """Why a call of our webhook was refused, for the operator; whoever called hears nothing of it."""

    NO_PROOF = "no_proof"  # nothing stands in the header that proves a call
    WRONG_PROOF = "wrong_proof"  # not made with our secret
    WRONG_TIME = "wrong_time"  # signed too long ago, or by a clock that is wrong
    NO_RECEIPTS = "no_receipts"  # the carrier's, but not of the form that the account describes
    FAILED = "failed"  # the provider can't read calls at all


class NotAuthentic(CarrierError):
    """A call of our webhook that its carrier did not make. ``code``: the ``Refusal``."""

    def __init__(self, message: str = "", *, code: str = Refusal.WRONG_PROOF) -> None:
        super().__init__(message, code=code)


class MalformedReceipt(CarrierError):
    """A call of our webhook that holds no receipts."""
