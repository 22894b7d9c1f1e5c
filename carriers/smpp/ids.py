"""Message ids of one carrier, made comparable.

The answer to submit_sm and the receipt may write the same id in another base, another case or with zeros in front
(SMPP 3.4 leaves its form to the carrier, §5.2.23). Which it is, only the account can say.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class IdForm(enum.Enum):
    """How the id of an answer becomes the id of a receipt."""

    AS_IS = "as_is"
    HEX_TO_DECIMAL = "hex_to_decimal"  # answers are hexadecimal, receipts decimal
    DECIMAL_TO_HEX = "decimal_to_hex"  # answers are decimal, receipts hexadecimal


@dataclass(frozen=True, slots=True)
class IdRules:
    """How one account's ids are normalised.

    With a change of base ids are numbers, so case and zeros in front never matter. Else ``lower`` and
    ``strip_zeros`` say so. What is no number where one was expected stays as it came.
    """

    form: IdForm = IdForm.AS_IS
    lower: bool = False
    strip_zeros: bool = False

    def of_answer(self, identifier: str) -> str:
        """The id of a submit_sm_resp, normalised."""
        if self.form is IdForm.AS_IS:
            return self._tidy(identifier)
        number = _number(identifier, base=16 if self.form is IdForm.HEX_TO_DECIMAL else 10)
        return self._tidy(identifier) if number is None else self._write(number)

    def of_receipt(self, identifier: str) -> str:
        """The id of a receipt, normalised."""
        if self.form is IdForm.AS_IS:
            return self._tidy(identifier)
        number = _number(identifier, base=10 if self.form is IdForm.HEX_TO_DECIMAL else 16)
        return self._tidy(identifier) if number is None else self._write(number)

    def _write(self, number: int) -> str:
        return str(number) if self.form is IdForm.HEX_TO_DECIMAL else f"{number:x}"

    def _tidy(self, identifier: str) -> str:
        if self.lower:
            identifier = identifier.lower()
        if self.strip_zeros:
            identifier = identifier.lstrip("0") or identifier[-1:]
        return identifier


def _number(identifier: str, *, base: int) -> int | None:
    # int() alone would take "1_0", " 10" and "-1", and digits of other scripts.
    if not identifier.isascii() or not identifier.isalnum() or len(identifier) > 65:
        return None
    try:
        return int(identifier, base)
    except ValueError:
        return None
