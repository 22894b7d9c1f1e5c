"""The call list over the API."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dispatch.models import CallState
from dispatch.selectors.calls import api_call, calls_where, names_on, visible_calls, with_attempts
from dispatch.serializers import AttemptInput, CallOutput
from dispatch.services.calls import record_attempt
from dispatch.services.viewing import record_call_viewed
from tenants.errors import Invalid
from tenants.middleware import actor_for
from tenants.pagination import cursor_page
from tenants.permissions import Permission
from tenants.viewing import record_listed


class CallsView(APIView):
    permissions: ClassVar = {"GET": Permission.WORK_CALLS}

    @extend_schema(
        parameters=[OpenApiParameter(name, str) for name in ("campaign", "state", "reason", "cursor")],
        responses=CallOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """People to be phoned, oldest first."""
        actor, query = actor_for(request), request.query_params
        found = with_attempts(visible_calls(actor))
        if state := query.get("state", ""):
            if state not in CallState.values:
                raise _bad("state", _("state には open か done を指定してください。"))
            found = calls_where(found, by=actor, now=timezone.now(), show=state)
        if reason := query.get("reason", ""):
            found = found.filter(reason=reason)
        if campaign := query.get("campaign", ""):
            found = found.filter(campaign__public_id=_uuid(campaign))
        calls = cursor_page(found, order=["created_at", "row"], cursor=query.get("cursor"))
        record_listed(request, what="calls", count=len(calls.results))
        names = names_on(calls.results)
        return Response(calls.body(lambda call: api_call(call, names)))


class CallView(APIView):
    permissions: ClassVar = {"GET": Permission.WORK_CALLS, "PATCH": Permission.WORK_CALLS}

    @extend_schema(responses=CallOutput)
    def get(self, request: Request, public_id: UUID) -> Response:
        call = get_object_or_404(with_attempts(visible_calls(actor_for(request))), public_id=public_id)
        record_call_viewed(call=call, by=actor_for(request), now=timezone.now())
        return Response(api_call(call, names_on([call])))

    @extend_schema(request=AttemptInput, responses=CallOutput)
    def patch(self, request: Request, public_id: UUID) -> Response:
        """Write down a try to reach the person; reached, visit and closed end the call."""
        given = AttemptInput(data=request.data)
        given.is_valid(raise_exception=True)
        actor = actor_for(request)
        call = get_object_or_404(visible_calls(actor), public_id=public_id)
        record_attempt(call=call, by=actor, now=timezone.now(), **given.validated_data)
        return self.get(request, public_id)


def _uuid(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError as exc:
        raise _bad("campaign", _("campaign には配信のIDを指定してください。")) from exc


def _bad(field: str, sentence: str) -> Invalid:
    return Invalid(sentence, fields={field: [sentence]})
