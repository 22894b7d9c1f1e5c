"""The address of a person's page: sealed with the tenant's key, so that it tells nothing and nobody can make one."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from tenants import keys
from tenants.sealing import HASH_BYTES, SealBroken

PURPOSE: Final = "person address"
BY_ID, BY_PHONE = b"i", b"p"


class NoSuchPerson(Exception):
    """The address was not made by us for this tenant."""


@dataclass(frozen=True, slots=True)
class PersonKey:
    """Who is meant: everybody with this id, or whoever has this number and name (a family shares a number)."""

    kind: bytes
    value: bytes  # hash of the external id, or of the number
    name_hash: bytes = b""

    @property
    def subject(self) -> bytes:
        """By what the audit trail finds this person again."""
        return self.value + self.name_hash

    @property
    def address(self) -> str:
        """URL-safe; another one at each call, and all of them stay good."""
        blob = keys.ring().seal(PURPOSE, self.kind + self.value + self.name_hash)
        return base64.urlsafe_b64encode(blob).rstrip(b"=").decode()

    @property
    def trail_id(self) -> str:
        """What the audit trail knows this person by: always the same, and told by nothing but the tenant's own key."""
        return keys.ring().hash("person in the trail", self.kind + self.value + self.name_hash).hex()


def person_at(address: str) -> PersonKey:
    """Raises ``NoSuchPerson``."""
    try:
        blob = base64.urlsafe_b64decode(address.encode("ascii") + b"=" * (-len(address) % 4))
        opened = keys.ring().open(PURPOSE, blob)
    except (SealBroken, ValueError, binascii.Error, IndexError) as exc:
        raise NoSuchPerson from exc
    return PersonKey(
        kind=opened[:1], value=opened[1 : 1 + HASH_BYTES], name_hash=opened[1 + HASH_BYTES : 1 + 2 * HASH_BYTES]
    )


def hash_of_name(name: str) -> bytes:
    """Spaces of any width do not tell two people apart."""
    return keys.ring().hash("name", "".join(name.split()))
