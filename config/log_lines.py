"""How failures stand in the logs: where and of which class, never what was in them.

An exception's text quotes what it choked on ("Key (email)=(…) already exists", "invalid literal for int(): '090…'"): a
name, a number or a text would stand in the log. The frames and the class tell where to look.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Final

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
QUOTED: Final = ("exc", "traceback", "args", "kwargs", "return_value")  # of Celery's lines


def quiet_traceback(exc_info: ExcInfo) -> str:
    """The frames and classes of an exception and of what caused it, without their texts."""
    exception = exc_info[1]
    return "\n".join(_lines(exception)) if exception is not None else ""


def _lines(exception: BaseException) -> Iterator[str]:
    seen: set[int] = set()
    current: BaseException | None = exception
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield from (line.rstrip() for line in traceback.format_tb(current.__traceback__))
        yield described(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
        if current is not None:
            yield "because of"


def described(exception: BaseException) -> str:
    """The class, and for the database's failures their code and constraint, which are ours."""
    words = [f"{type(exception).__module__}.{type(exception).__qualname__}"]
    code, diagnosis = getattr(exception, "sqlstate", None), getattr(exception, "diag", None)
    constraint = getattr(diagnosis, "constraint_name", None)
    words += [word for word in (code, constraint) if isinstance(word, str)]
    return " ".join(words)


class QuietFormatter(logging.Formatter):
    """For the standard library's loggers: Django's and Celery's say what failed, too."""

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802 - the base class calls it so
        return quiet_traceback(ei)

    def format(self, record: logging.LogRecord) -> str:
        # Another handler's formatter may have left its own writing of the exception in the record.
        quiet = logging.makeLogRecord({**record.__dict__, "exc_text": None})
        if isinstance(quiet.args, Mapping) and "exc" in quiet.args:  # Celery's line about a task that failed
            exception = quiet.exc_info[1] if quiet.exc_info else None
            words = described(exception) if exception else ""
            quiet.args = {**quiet.args, **dict.fromkeys(QUOTED, words)}
        return super().format(quiet)


def render_exception(_logger: object, _name: str, event: dict[str, object]) -> dict[str, object]:
    """The same for structlog's lines."""
    given = event.pop("exc_info", None)
    if not given:
        return event
    if isinstance(given, BaseException):
        info: ExcInfo = (type(given), given, given.__traceback__)
    else:
        info = given if isinstance(given, tuple) else sys.exc_info()
    return {**event, "exception": quiet_traceback(info)}
