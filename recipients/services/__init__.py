"""Use cases: rosters are uploaded, read, mended and answered for; people consent and opt out."""

from recipients.services.answering import confirm_problems
from recipients.services.choosing import choose_family_texts, drop_exclusions, exclude_from_file
from recipients.services.consents import record_consent
from recipients.services.exclusions import ExclusionFile
from recipients.services.mending import mend_row
from recipients.services.mending_files import mend_from_file
from recipients.services.opt_outs import add_opt_out, end_opt_out
from recipients.services.reading import read_roster
from recipients.services.uploading import change_mapping, upload_roster

__all__ = [
    "ExclusionFile",
    "add_opt_out",
    "change_mapping",
    "choose_family_texts",
    "confirm_problems",
    "drop_exclusions",
    "end_opt_out",
    "exclude_from_file",
    "mend_from_file",
    "mend_row",
    "read_roster",
    "record_consent",
    "upload_roster",
]
