"""What keeps a demonstration or a test run from starting, in a sentence a person can act on."""

from __future__ import annotations


class CannotStart(Exception):
    """Something is missing or broken; the text says what, and what to do about it."""


class Interrupted(Exception):
    """A person or the system asked us to stop before we were done."""
