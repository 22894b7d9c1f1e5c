"""Keys over the API: listed, issued, revoked."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants import services
from tenants.middleware import actor_for
from tenants.models import ApiKey, User
from tenants.pagination import cursor_page
from tenants.permissions import Permission, Role
from tenants.serializers import IssuedKeyOutput, KeyInput, KeyOutput


class KeysView(APIView):
    permissions: ClassVar = {"GET": Permission.SETTINGS, "POST": Permission.SETTINGS}

    @extend_schema(responses=KeyOutput(many=True))
    def get(self, request: Request) -> Response:
        """The keys of the tenant, newest first; revoked ones too."""
        found = cursor_page(
            ApiKey.objects.select_related("department"),
            order=["-created_at"],
            cursor=request.query_params.get("cursor"),
        )
        return Response(found.body(lambda key: KeyOutput(key).data))

    @extend_schema(request=KeyInput, responses={201: IssuedKeyOutput})
    def post(self, request: Request) -> Response:
        """A new key of the person whose key this is. Its token is in this answer and nowhere else."""
        given = KeyInput(data=request.data)
        given.is_valid(raise_exception=True)
        actor = actor_for(request)
        issued = services.issue_api_key(
            owner=User.objects.get(pk=actor.user_id),
            name=given.validated_data["name"],
            role=Role(given.validated_data["role"]),
            department=given.validated_data.get("department"),
            by=actor,
            now=timezone.now(),
        )
        return Response({**KeyOutput(issued.key).data, "token": issued.token}, status=201)


class KeyView(APIView):
    permissions: ClassVar = {"DELETE": Permission.SETTINGS}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, public_id: UUID) -> Response:
        """The key stops working at once; its line stays, with the time."""
        key = get_object_or_404(ApiKey.objects.select_related("department"), public_id=public_id)
        services.revoke_api_key(key=key, by=actor_for(request), now=timezone.now())
        return Response(status=204)
