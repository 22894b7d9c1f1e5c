"""The API's JSON for campaigns and calls: what is taken."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from dispatch.models import Outcome, Policy, Priority

PRIORITIES: Final = {priority.name.lower(): priority for priority in Priority}
LONGEST_TEXT: Final = 5_000


class CampaignInput(serializers.Serializer[Any]):
    """A roster with a template, or with a text of its own."""

    name = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    roster = serializers.UUIDField()
    template = serializers.UUIDField(required=False)
    text = serializers.CharField(max_length=LONGEST_TEXT, required=False, trim_whitespace=False)
    send_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    policy = serializers.ChoiceField(choices=Policy.values, default=Policy.HOLD.value)
    priority = serializers.ChoiceField(choices=list(PRIORITIES), default="normal")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("text" in attrs) == ("template" in attrs):
            raise serializers.ValidationError({"text": _("text か template のどちらか一方を指定してください。")})
        return attrs


class SendInput(serializers.Serializer[Any]):
    override_reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class AttemptInput(serializers.Serializer[Any]):
    """What came of a call; ``closed`` wants a note."""

    outcome = serializers.ChoiceField(choices=[value for value in Outcome.values if value != Outcome.RECEIVED])
    note = serializers.CharField(max_length=2_000, required=False, allow_blank=True, default="")


class CountsOutput(serializers.Serializer[Any]):
    queued = serializers.IntegerField()
    sending = serializers.IntegerField()
    accepted = serializers.IntegerField()
    delivered = serializers.IntegerField()
    undelivered = serializers.IntegerField()
    expired = serializers.IntegerField()
    rejected = serializers.IntegerField()
    failed = serializers.IntegerField()
    unknown = serializers.IntegerField()
    cancelled = serializers.IntegerField()


class CallCountsOutput(serializers.Serializer[Any]):
    open = serializers.IntegerField()
    done = serializers.IntegerField()


class CampaignOutput(serializers.Serializer[Any]):
    """For the description of the API; ``dispatch.selectors.campaigns.api_campaign`` makes it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    state = serializers.CharField()
    roster = serializers.UUIDField()
    department = serializers.UUIDField(allow_null=True)
    text = serializers.CharField()
    policy = serializers.CharField()
    priority = serializers.CharField()
    send_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    rows = serializers.IntegerField()
    routes = serializers.DictField(child=serializers.IntegerField())
    late_skips = serializers.IntegerField(help_text="Of routes.skip: people whom the same words reach already.")
    counts = CountsOutput()
    calls = CallCountsOutput()
    parts = serializers.IntegerField()
    cost = serializers.FloatField(help_text="Yen.")


class AttemptOutput(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    by = serializers.CharField()
    outcome = serializers.CharField()
    note = serializers.CharField()


class CallOutput(serializers.Serializer[Any]):
    """For the description of the API; ``dispatch.selectors.calls.api_call`` makes it."""

    id = serializers.UUIDField()
    campaign = serializers.UUIDField()
    row = serializers.IntegerField()
    name = serializers.CharField()
    phone = serializers.CharField(allow_null=True)
    reason = serializers.CharField()
    state = serializers.CharField()
    outcome = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    done_at = serializers.DateTimeField(allow_null=True)
    attempts = AttemptOutput(many=True)
