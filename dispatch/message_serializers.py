"""The API's JSON for messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from dispatch.evidence import Event, Shown
from dispatch.models import Priority
from dispatch.services.messages import LONGEST_REFERENCE

LONGEST_TEXT = 5_000  # far beyond what any carrier takes; the sentence about the length comes from the service
MOST = 10_000
PRIORITIES = {"normal": Priority.NORMAL, "urgent": Priority.URGENT}


class MessageInput(serializers.Serializer[Any]):
    """Either ``text``, or ``template`` and the ``values`` of its placeholders."""

    to = serializers.CharField(max_length=200, help_text="Any writing of a Japanese mobile number.")
    text = serializers.CharField(max_length=LONGEST_TEXT, required=False, trim_whitespace=False)
    template = serializers.UUIDField(required=False)
    values = serializers.DictField(child=serializers.CharField(max_length=1000, allow_blank=True), required=False)
    reference = serializers.CharField(max_length=LONGEST_REFERENCE, required=False, allow_blank=True)
    priority = serializers.ChoiceField(choices=list(PRIORITIES), default="normal")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("text" in attrs) == ("template" in attrs):
            raise serializers.ValidationError({"text": _("text か template のどちらか一方を指定してください。")})
        return attrs


class BatchInput(serializers.Serializer[Any]):
    messages = serializers.ListField(child=serializers.JSONField(), allow_empty=False, max_length=MOST)


class EventOutput(serializers.Serializer[Event]):
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    detail = serializers.CharField()
    raw = serializers.CharField(help_text="The carrier's own bytes, in hexadecimal.")


class MessageOutput(serializers.Serializer[Shown]):
    id = serializers.UUIDField(source="message.public_id")
    campaign = serializers.UUIDField(source="campaign_id", allow_null=True)
    to = serializers.CharField()
    text = serializers.CharField()
    reference = serializers.CharField(source="message.personal.reference", default="")
    state = serializers.CharField()
    reason = serializers.CharField(source="message.reason", allow_null=True)
    carrier = serializers.CharField()
    carrier_message_ids = serializers.ListField(child=serializers.CharField())
    parts = serializers.IntegerField()
    created_at = serializers.DateTimeField(source="message.created_at")
    accepted_at = serializers.DateTimeField(source="message.accepted_at", allow_null=True)
    final_at = serializers.DateTimeField(source="message.final_at", allow_null=True)


class MessageWithEventsOutput(MessageOutput):
    events = EventOutput(many=True)


def message_body(one: Shown, events: Sequence[Event] | None = None) -> dict[str, Any]:
    """A message as the API says it, with its time line where it is given."""
    body = dict(MessageOutput(one).data)
    if events is not None:
        body["events"] = [EventOutput(event).data for event in events]
    return body
