"""What an SMSC's codes mean for a text: one table per kind of code.

An account whose carrier has codes of its own adds them by its configuration (``receipt_codes``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from carriers import reasons
from carriers.base import CodeMeaning, Outcome, ReceiptStatus

_FINAL_TROUBLE: Final = CodeMeaning(Outcome.FINAL, reasons.CARRIER_TROUBLE)
_FINAL_NUMBER: Final = CodeMeaning(Outcome.FINAL, reasons.INVALID_NUMBER)
_RETRY: Final = CodeMeaning(Outcome.RETRY, reasons.CARRIER_TROUBLE)
_THROTTLED: Final = CodeMeaning(Outcome.THROTTLED, "")

COMMAND_STATUSES: Final[Mapping[int, CodeMeaning]] = {
    0x01: CodeMeaning(Outcome.FINAL, reasons.TEXT_TOO_LONG),  # ESME_RINVMSGLEN
    0x02: _FINAL_TROUBLE,  # ESME_RINVCMDLEN
    0x03: _FINAL_TROUBLE,  # ESME_RINVCMDID
    0x04: _RETRY,  # ESME_RINVBNDSTS: this bind may not submit now
    0x05: _RETRY,  # ESME_RALYBND
    0x06: _FINAL_TROUBLE,  # ESME_RINVPRTFLG
    0x07: _FINAL_TROUBLE,  # ESME_RINVREGDLVFLG
    0x08: _RETRY,  # ESME_RSYSERR
    0x0A: _FINAL_TROUBLE,  # ESME_RINVSRCADR
    0x0B: _FINAL_NUMBER,  # ESME_RINVDSTADR
    0x0C: _FINAL_TROUBLE,  # ESME_RINVMSGID
    0x0D: _RETRY,  # ESME_RBINDFAIL
    0x0E: _RETRY,  # ESME_RINVPASWD
    0x0F: _RETRY,  # ESME_RINVSYSID
    0x11: _FINAL_TROUBLE,  # ESME_RCANCELFAIL
    0x13: _FINAL_TROUBLE,  # ESME_RREPLACEFAIL
    0x14: _THROTTLED,  # ESME_RMSGQFUL
    0x15: _FINAL_TROUBLE,  # ESME_RINVSERTYP
    0x33: _FINAL_TROUBLE,  # ESME_RINVNUMDESTS
    0x34: _FINAL_TROUBLE,  # ESME_RINVDLNAME
    0x40: _FINAL_TROUBLE,  # ESME_RINVDESTFLAG
    0x42: _FINAL_TROUBLE,  # ESME_RINVSUBREP
    0x43: _FINAL_TROUBLE,  # ESME_RINVESMCLASS
    0x44: _FINAL_TROUBLE,  # ESME_RCNTSUBDL
    0x45: _FINAL_TROUBLE,  # ESME_RSUBMITFAIL
    0x48: _FINAL_TROUBLE,  # ESME_RINVSRCTON
    0x49: _FINAL_TROUBLE,  # ESME_RINVSRCNPI
    0x50: _FINAL_NUMBER,  # ESME_RINVDSTTON
    0x51: _FINAL_NUMBER,  # ESME_RINVDSTNPI
    0x53: _FINAL_TROUBLE,  # ESME_RINVSYSTYP
    0x54: _FINAL_TROUBLE,  # ESME_RINVREPFLAG
    0x55: _FINAL_TROUBLE,  # ESME_RINVNUMMSGS
    0x58: _THROTTLED,  # ESME_RTHROTTLED
    0x61: _FINAL_TROUBLE,  # ESME_RINVSCHED
    0x62: _FINAL_TROUBLE,  # ESME_RINVEXPIRY
    0x63: _FINAL_TROUBLE,  # ESME_RINVDFTMSGID
    0x64: _RETRY,  # ESME_RX_T_APPN
    0x65: _FINAL_TROUBLE,  # ESME_RX_P_APPN
    0x66: CodeMeaning(Outcome.FINAL, reasons.REFUSED_BY_RECIPIENT),  # ESME_RX_R_APPN
    0x67: _FINAL_TROUBLE,  # ESME_RQUERYFAIL
    0xC0: _FINAL_TROUBLE,  # ESME_RINVOPTPARSTREAM
    0xC1: _FINAL_TROUBLE,  # ESME_ROPTPARNOTALLWD
    0xC2: _FINAL_TROUBLE,  # ESME_RINVPARLEN
    0xC3: _FINAL_TROUBLE,  # ESME_RMISSINGOPTPARAM
    0xC4: _FINAL_TROUBLE,  # ESME_RINVOPTPARAMVAL
    0xFE: _FINAL_TROUBLE,  # ESME_RDELIVERYFAILURE
    0xFF: _FINAL_TROUBLE,  # ESME_RUNKNOWNERR
}
"""command_status of submit_sm_resp and generic_nack: SMPP 3.4 §5.1.3 (https://smpp.org/SMPP_v3_4_Issue1_2.pdf)."""

UNKNOWN_STATUS: Final = CodeMeaning(Outcome.FINAL, reasons.UNKNOWN_CODE)
"""A status that is in no table is a definite no all the same: the SMSC did not take the text."""

RECEIPT_STATES: Final[Mapping[str, ReceiptStatus]] = {
    "DELIVRD": ReceiptStatus.DELIVERED,
    "EXPIRED": ReceiptStatus.EXPIRED,
    "DELETED": ReceiptStatus.UNDELIVERED,
    "UNDELIV": ReceiptStatus.UNDELIVERED,
    "REJECTD": ReceiptStatus.REJECTED,
    "ACCEPTD": ReceiptStatus.PENDING,
    "ENROUTE": ReceiptStatus.PENDING,
    # The SMSC itself does not know (§5.2.28): this ends nothing, and the deadline brings a person to the telephone.
    "UNKNOWN": ReceiptStatus.PENDING,
    # Not in the specification, but written by real SMSCs.
    "FAILED": ReceiptStatus.UNDELIVERED,
    "BUFFRED": ReceiptStatus.PENDING,
    "BUFFERED": ReceiptStatus.PENDING,
}
"""``stat:`` of a receipt, or the TLV message_state: SMPP 3.4 appendix B and §5.2.28."""

STATE_REASONS: Final[Mapping[ReceiptStatus, str]] = {
    ReceiptStatus.EXPIRED: reasons.EXPIRED,
    ReceiptStatus.UNDELIVERED: reasons.CARRIER_TROUBLE,
    ReceiptStatus.REJECTED: reasons.CARRIER_TROUBLE,
}
"""Why, where the receipt gives no error code."""

RECEIPT_CODES: Final[Mapping[int, str]] = {
    1: reasons.NOT_IN_USE,  # unknownSubscriber
    5: reasons.NOT_IN_USE,  # unidentifiedSubscriber
    6: reasons.OUT_OF_REACH,  # absentSubscriberSM
    7: reasons.CARRIER_TROUBLE,  # unknownEquipment
    8: reasons.OUT_OF_REACH,  # roamingNotAllowed
    9: reasons.NOT_IN_USE,  # illegalSubscriber
    10: reasons.REFUSED_BY_RECIPIENT,  # bearerServiceNotProvisioned
    11: reasons.REFUSED_BY_RECIPIENT,  # teleserviceNotProvisioned
    12: reasons.CARRIER_TROUBLE,  # illegalEquipment
    13: reasons.REFUSED_BY_RECIPIENT,  # callBarred
    21: reasons.CARRIER_TROUBLE,  # facilityNotSupported
    27: reasons.OUT_OF_REACH,  # absentSubscriber
    31: reasons.OUT_OF_REACH,  # subscriberBusyForMT-SMS
    32: reasons.CARRIER_TROUBLE,  # sm-DeliveryFailure
    33: reasons.CARRIER_TROUBLE,  # messageWaitingListFull
    34: reasons.CARRIER_TROUBLE,  # systemFailure
    35: reasons.CARRIER_TROUBLE,  # dataMissing
    36: reasons.CARRIER_TROUBLE,  # unexpectedDataValue
    44: reasons.NOT_IN_USE,  # numberChanged
    # No number of MAP says "ported"; the simulated SMSC uses this one.
    201: reasons.PORTED,
}
"""``err:`` of a receipt or the TLV network_error_code: the errors of MAP, 3GPP TS 29.002 §17.6.

SMPP leaves these to the network (§5.3.2.31, appendix B).
"""

MISCONFIGURED_BINDS: Final = frozenset({0x0A, 0x0E, 0x0F, 0x53})
"""Statuses of a bind that no waiting will mend: address, password, system id, system type."""
