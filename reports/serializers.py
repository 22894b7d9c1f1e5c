"""The API's JSON for what a month cost (API.md)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class UsedOutput(serializers.Serializer[Any]):
    """``cost`` is in yen."""

    messages = serializers.IntegerField()
    parts = serializers.IntegerField()
    cost = serializers.IntegerField()


class DepartmentUsedOutput(UsedOutput):
    department = serializers.UUIDField(allow_null=True)


class UsageOutput(UsedOutput):
    month = serializers.CharField()
    departments = DepartmentUsedOutput(many=True)
