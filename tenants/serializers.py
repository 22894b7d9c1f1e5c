"""The API's JSON for keys."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from tenants.models import ApiKey, Department
from tenants.permissions import Role


class KeyInput(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    role = serializers.ChoiceField(choices=Role.choices)
    department = serializers.UUIDField(required=False, allow_null=True, help_text="Empty: all departments.")

    def validate_department(self, value: Any) -> Department | None:
        if value is None:
            return None
        department: Department | None = Department.objects.filter(public_id=value, is_active=True).first()
        if department is None:
            raise serializers.ValidationError("not_found")
        return department


class KeyOutput(serializers.Serializer[ApiKey]):
    id = serializers.UUIDField(source="public_id")
    name = serializers.CharField()
    role = serializers.CharField()
    department = serializers.UUIDField(source="department.public_id", allow_null=True, default=None)
    created_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)


class IssuedKeyOutput(KeyOutput):
    token = serializers.CharField(help_text="Shown this once.")
