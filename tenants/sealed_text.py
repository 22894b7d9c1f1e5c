"""A text that an office wrote, sealed in the database and in clear in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from tenants import keys

if TYPE_CHECKING:
    TextField = models.TextField[str, str]
else:
    TextField = models.TextField


class SealedTextField(TextField):
    """Opened when its row is read and sealed when it is saved, with the key of the tenant in scope.

    It cannot be searched, compared or ordered by: the same text is never sealed the same.
    """

    def get_internal_type(self) -> str:
        return "BinaryField"

    def get_lookup(self, lookup_name: str) -> Any:
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if value is None:
            return None
        sealed = keys.ring().seal(self.model._meta.db_table, str(value).encode())
        return connection.Database.Binary(sealed)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> str | None:
        return None if value is None else keys.ring().open(self.model._meta.db_table, value).decode()
