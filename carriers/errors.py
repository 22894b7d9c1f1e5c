"""What can go wrong with a carrier, by what it means for the text."""

from __future__ import annotations

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


class NotAuthentic(CarrierError):
    """A call of our webhook that its carrier did not make."""


class MalformedReceipt(CarrierError):
    """A call of our webhook that holds no receipts."""
