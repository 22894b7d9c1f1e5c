"""What a browser or an API client uploads, kept in memory squeezed: no temporary file ever holds a name or a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopFutureHandlers
from django.utils.translation import gettext_lazy as _

from tenants.packing import Packed

if TYPE_CHECKING:
    _Uploaded = UploadedFile[bytes]
else:
    _Uploaded = UploadedFile  # generic for the type checker only

SMALL_MEGABYTES: Final = 8
_AROUND_THE_FILE: Final = 64 * 1024  # the form's other fields and what separates them


class PackedFile(_Uploaded):
    """An uploaded file with its bytes in ``packed``."""

    def __init__(self, packed: Packed, **about: Any) -> None:
        super().__init__(packed.open(), size=packed.size, **about)
        self.packed = packed


class PackedUploadHandler(FileUploadHandler):
    """Takes every file of a request that is not larger than a roster may be; of a larger request it takes none."""

    is_taken = True

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,  # noqa: N803 - Django's name
        content_length: int,
        boundary: Any,
        encoding: str | None = None,
    ) -> None:
        self.is_taken = content_length <= settings.ROSTER_MAX_BYTES + _AROUND_THE_FILE

    def new_file(self, *arguments: Any, **options: Any) -> None:
        super().new_file(*arguments, **options)
        self._packed = Packed()
        if self.is_taken:
            raise StopFutureHandlers

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        if not self.is_taken:
            return raw_data
        self._packed.write(raw_data)
        return None

    def file_complete(self, file_size: int) -> _Uploaded | None:
        if not self.is_taken:
            return None
        return PackedFile(
            self._packed,
            name=self.file_name,
            content_type=self.content_type,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
        )


def packed(file: _Uploaded) -> Packed:
    """The bytes of an uploaded file."""
    return file.packed if isinstance(file, PackedFile) else Packed.of(file.read())


def must_be_small(file: _Uploaded) -> None:
    """For files that are read in one go, such as registers and texts: a form's validator."""
    if (file.size or 0) > SMALL_MEGABYTES * 1024 * 1024:
        raise ValidationError(
            _("ファイルが大きすぎます。%(limit)s MBまで読み込めます。ファイルを分けてください。"),
            code="too_large",
            params={"limit": SMALL_MEGABYTES},
        )


def is_too_large(request: Any) -> bool:
    """Whether the body is beyond the limit: none of it was kept, so that no file seems to be in it."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    return not request.FILES and length.isdecimal() and int(length) > settings.ROSTER_MAX_BYTES
