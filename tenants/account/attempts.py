"""How often somebody may try to come in: per account, address and tenant, counted in PostgreSQL.

Nobody is locked out for ever, and no attacker can lock out another person for long:

- A browser that the person came in by before (a signed cookie) has an allowance of its own, which nobody else can use up.
- Everybody else shares the account's allowance, which fills up again by itself.
- The link of "forgotten password" makes a browser known, so that it opens a way in while an attack is under way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection, transaction

from tenants import keys


@dataclass(frozen=True, slots=True)
class Limit:
    """``burst`` attempts at once, then one each ``every_s`` seconds."""

    name: str
    burst: int
    every_s: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """One allowance: ``limit`` for ``whose`` (an address of mail or network, a person's or a tenant's id)."""

    limit: Limit
    whose: str

    @property
    def key(self) -> bytes:
        return keys.service().hash("attempt", f"{self.limit.name}\x00{self.whose}")


PASSWORD_PER_DEVICE: Final = Limit("password device", burst=10, every_s=60)
PASSWORD_PER_PLACE: Final = Limit("password account and address", burst=5, every_s=60)
PASSWORD_PER_ACCOUNT: Final = Limit("password account", burst=20, every_s=180)
PASSWORD_PER_ADDRESS: Final = Limit("password address", burst=60, every_s=5)
PASSWORD_PER_TENANT: Final = Limit("password tenant", burst=200, every_s=3)
CODE_PER_DEVICE: Final = Limit("code device", burst=5, every_s=120)
CODE_PER_ACCOUNT: Final = Limit("code account", burst=5, every_s=300)
RECOVERY_PER_ACCOUNT: Final = Limit("recovery code account", burst=20, every_s=60)

# The generic cell rate algorithm in one statement: whoever runs more than a burst ahead gets no row back.
TAKE: Final = """
INSERT INTO tenants_attempt AS used (key_hash, free_at)
VALUES (%(key)s, clock_timestamp() + make_interval(secs => %(every)s))
ON CONFLICT (key_hash) DO UPDATE
SET free_at = greatest(used.free_at, clock_timestamp()) + make_interval(secs => %(every)s)
WHERE greatest(used.free_at, clock_timestamp()) + make_interval(secs => %(every)s)
    <= clock_timestamp() + make_interval(secs => %(every)s * %(burst)s)
RETURNING true
"""
GIVE_BACK: Final = (
    "UPDATE tenants_attempt SET free_at = free_at - make_interval(secs => %(every)s) WHERE key_hash = %(key)s"
)


def take(buckets: Sequence[Bucket]) -> bool:
    """Take one attempt from each; False, and nothing taken, when one of them is used up.

    Two attempts at once both count: the row is locked from the first taking to its commit.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        for bucket in sorted(buckets, key=lambda bucket: bucket.key):
            limit = bucket.limit
            cursor.execute(TAKE, {"key": bucket.key, "every": limit.every_s, "burst": limit.burst})
            if cursor.fetchone() is None:
                transaction.set_rollback(True)
                return False
    return True


def give_back(buckets: Sequence[Bucket]) -> None:
    """The attempt was right: only wrong ones count."""
    with transaction.atomic(), connection.cursor() as cursor:
        for bucket in sorted(buckets, key=lambda bucket: bucket.key):
            cursor.execute(GIVE_BACK, {"key": bucket.key, "every": bucket.limit.every_s})


def forget_old() -> None:
    """Rows that hold nothing back any more."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tenants_attempt WHERE free_at < clock_timestamp()")
