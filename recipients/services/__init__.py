"""Use cases: rosters are uploaded, read, mended and answered for; people opt out."""

from recipients.services.answering import confirm_problems
from recipients.services.mending import mend_row
from recipients.services.mending_files import mend_from_file
from recipients.services.opt_outs import add_opt_out, end_opt_out
from recipients.services.reading import read_roster
from recipients.services.uploading import change_mapping, upload_roster

__all__ = [
    "add_opt_out",
    "change_mapping",
    "confirm_problems",
    "end_opt_out",
    "mend_from_file",
    "mend_row",
    "read_roster",
    "upload_roster",
]
