"""Bytes of a roster to a header and rows, by content and not by name.

`open_table(data, limits=…)` gives a `Table` or raises `FileProblem`; nothing is ever half read in silence.
"""

from recipients.reading.opening import open_table
from recipients.reading.problems import FileProblem, Limits, Notice
from recipients.reading.tables import Table

__all__ = ["FileProblem", "Limits", "Notice", "Table", "open_table"]
