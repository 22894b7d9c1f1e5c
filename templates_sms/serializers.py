"""The API's JSON for templates (API.md)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from templates_sms.models import Kind
from templates_sms.selectors import placeholder_names
from templates_sms.services import LONGEST_NAME, LONGEST_TEXT


class TemplateOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    name = serializers.CharField()
    kind = serializers.CharField()
    text = serializers.CharField()
    placeholders = serializers.SerializerMethodField()
    version = serializers.IntegerField(source="current")
    department = serializers.UUIDField(source="department.public_id", allow_null=True, default=None)

    def get_placeholders(self, template: Any) -> list[str]:
        return placeholder_names(template.text)


class TemplateChange(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=LONGEST_NAME, required=False)
    text = serializers.CharField(max_length=LONGEST_TEXT, required=False, trim_whitespace=False)
    kind = serializers.ChoiceField(choices=Kind.choices, required=False)


class TemplateInput(TemplateChange):
    name = serializers.CharField(max_length=LONGEST_NAME)
    text = serializers.CharField(max_length=LONGEST_TEXT, trim_whitespace=False)
    department = serializers.UUIDField(required=False, allow_null=True)


class PreviewInput(serializers.Serializer[Any]):
    """``values`` by column; without them the preview shows samples."""

    values = serializers.DictField(child=serializers.CharField(allow_blank=True, max_length=2000), required=False)


class PreviewOutput(serializers.Serializer[Any]):
    text = serializers.CharField()
    characters = serializers.IntegerField()
    parts = serializers.IntegerField()
    cost = serializers.FloatField(source="cost_yen", help_text="Yen.")
    is_too_long = serializers.BooleanField()
    warnings = serializers.ListField(source="advice", child=serializers.CharField())
