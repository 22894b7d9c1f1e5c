"""Use cases: rosters are uploaded, read, mended and answered for; people opt out."""

from recipients.services.reading import read_roster
from recipients.services.uploading import change_mapping, upload_roster

__all__ = ["change_mapping", "read_roster", "upload_roster"]
