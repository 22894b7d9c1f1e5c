"""What an HTTP status means for a text, where the account's configuration does not say otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from carriers import reasons
from carriers.base import CodeMeaning, Outcome

_RETRY: Final = CodeMeaning(Outcome.RETRY, reasons.CARRIER_TROUBLE)
_THROTTLED: Final = CodeMeaning(Outcome.THROTTLED, "")
_FINAL: Final = CodeMeaning(Outcome.FINAL, reasons.CARRIER_TROUBLE)

STATUSES: Final[Mapping[int, CodeMeaning]] = {
    400: _FINAL,  # Bad Request
    408: _RETRY,  # Request Timeout: the server gave up waiting for the request
    413: CodeMeaning(Outcome.FINAL, reasons.TEXT_TOO_LONG),  # Content Too Large
    422: _FINAL,  # Unprocessable Content
    425: _RETRY,  # Too Early (RFC 8470)
    429: _THROTTLED,  # Too Many Requests (RFC 6585)
    503: _THROTTLED,  # Service Unavailable: a definite refusal for now
}
"""RFC 9110 §15 (https://www.rfc-editor.org/rfc/rfc9110#section-15) unless another is named."""

ACCOUNT_STATUSES: Final = frozenset({301, 302, 303, 307, 308, 401, 402, 403, 404, 405, 407, 410, 415})
"""These speak of the account or its address, not of a text: nothing was taken, and no text should be tried before an
operator (or the carrier) has mended it."""

UNCLEAR: Final = frozenset({409, 500, 502, 504})
"""The text may have been taken before something went wrong, or stands at the carrier already (409)."""
