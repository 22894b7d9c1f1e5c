"""Why a text did not arrive (DOMAIN.md, Receipts). Pure: names only; the words for staff stand with the pages."""

from __future__ import annotations

from typing import Final

OUT_OF_REACH: Final = "out_of_reach"  # 圏外・電源断
REFUSED_BY_RECIPIENT: Final = "refused_by_recipient"  # 受信拒否
NOT_IN_USE: Final = "not_in_use"  # 欠番
PORTED: Final = "ported"  # MNP
CARRIER_TROUBLE: Final = "carrier_trouble"
TEXT_TOO_LONG: Final = "text_too_long"
EXPIRED: Final = "expired"
INVALID_NUMBER: Final = "invalid_number"
UNKNOWN_CODE: Final = "unknown_code"

ALL: Final = frozenset(
    {
        OUT_OF_REACH,
        REFUSED_BY_RECIPIENT,
        NOT_IN_USE,
        PORTED,
        CARRIER_TROUBLE,
        TEXT_TOO_LONG,
        EXPIRED,
        INVALID_NUMBER,
        UNKNOWN_CODE,
    }
)
