"""The rows of a chunk into the database, in the transaction that says how far the campaign has come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from dispatch.models import BatchState, Campaign
from dispatch.services.expansion.planning import Chunk
from dispatch.services.tallies import add_tallies
from dispatch.services.ways import tell_detours
from dispatch.states import Status
from tenants.bulk import BulkInsert

_BATCHES: Final = """
    INSERT INTO dispatch_batch
        (tenant_id, campaign_id, account_id, state, priority, policy, due_at, size, holder, epoch, in_flight, tries,
         error, created_at)
    SELECT %s, %s, u.account_id, %s, %s, %s, %s, u.size, '', 0, '{}', 0, '', now()
    FROM unnest(%s::bigint[], %s::int[]) WITH ORDINALITY AS u (account_id, size, place) ORDER BY u.place
    RETURNING id
"""
_MESSAGES: Final = BulkInsert(
    incoming="incoming_messages",
    columns={
        "public_id": "uuid",
        "batch_id": "int8",
        "seq": "int4",
        "recipient_id": "int8",
        "parts": "int2",
        "phone_hash": "bytea",
        "account_id": "int8",
        "sealed": "bytea",
    },
    insert="""
        INSERT INTO dispatch_message
            (tenant_id, campaign_id, state, final_at, tries, created_at,
             public_id, batch_id, seq, recipient_id, parts, phone_hash, account_id, sealed)
        SELECT %s, %s, %s, CASE WHEN %s THEN now() END, 0, now(),
             public_id, batch_id, seq, recipient_id, parts, phone_hash, account_id, sealed
        FROM incoming_messages
    """,
)
_CALLS: Final = BulkInsert(
    incoming="incoming_calls",
    columns={
        "public_id": "uuid",
        "recipient_id": "int8",
        "row": "int4",
        "reason": "text",
        "phone_hash": "bytea",
        "sealed": "bytea",
    },
    insert="""
        INSERT INTO dispatch_call
            (tenant_id, campaign_id, state, outcome, created_at,
             public_id, recipient_id, row, reason, phone_hash, sealed)
        SELECT %s, %s, 'open', '', now(), public_id, recipient_id, row, reason, phone_hash, sealed FROM incoming_calls
        ON CONFLICT (tenant_id, campaign_id, recipient_id) DO NOTHING
    """,
)

_SKIPS: Final = BulkInsert(
    incoming="incoming_skips",
    columns={"recipient_id": "int8", "row": "int4", "reason": "text", "same_as_row": "int4"},
    insert="""
        INSERT INTO dispatch_skippedrow (tenant_id, campaign_id, recipient_id, row, reason, same_as_row)
        SELECT %s, %s, recipient_id, row, reason, same_as_row FROM incoming_skips
        ON CONFLICT (tenant_id, campaign_id, recipient_id) DO NOTHING
    """,
)


@dataclass(frozen=True, slots=True)
class Placement:
    """How the rows of a chunk come into the world: ready, or stopped with their campaign."""

    batch_state: BatchState
    message_state: Status
    due_at: datetime


def store_chunk(campaign: Campaign, chunk: Chunk, placement: Placement) -> None:
    """Batches, messages, calls and counts. Needs the tenant's scope."""
    if chunk.batches:
        batch_ids = _store_batches(campaign, chunk, placement)
        state = placement.message_state
        parameters = [campaign.tenant_id, campaign.pk, state, state != Status.QUEUED]
        _MESSAGES.run(_message_rows(chunk, batch_ids), parameters)
        tell_detours(batch_ids=batch_ids, detours=[batch.detour for batch in chunk.batches])
        moves = {(state, ""): chunk.texts}
        add_tallies(tenant_id=campaign.tenant_id, campaign_id=campaign.pk, moves=moves)
    if chunk.calls:
        _CALLS.run(chunk.calls, [campaign.tenant_id, campaign.pk])
    if chunk.skips:
        _SKIPS.run(chunk.skips, [campaign.tenant_id, campaign.pk])


def _store_batches(campaign: Campaign, chunk: Chunk, placement: Placement) -> list[int]:
    accounts = [batch.account_id for batch in chunk.batches]
    sizes = [len(batch.messages) for batch in chunk.batches]
    with connection.cursor() as cursor:
        cursor.execute(
            _BATCHES,
            [
                campaign.tenant_id,
                campaign.pk,
                placement.batch_state,
                campaign.priority,
                campaign.policy,
                placement.due_at,
                accounts,
                sizes,
            ],
        )
        return [batch_id for (batch_id,) in cursor.fetchall()]


def _message_rows(chunk: Chunk, batch_ids: list[int]) -> Iterator[tuple[Any, ...]]:
    for batch_id, batch in zip(batch_ids, chunk.batches, strict=True):
        account_id = batch.account_id
        for public_id, seq, recipient_id, parts, phone_hash, sealed in batch.messages:
            yield public_id, batch_id, seq, recipient_id, parts, phone_hash, account_id, sealed
