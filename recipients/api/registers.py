"""The registers over the API: who wants no texts, and who consented to them."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recipients import services
from recipients.api.rosters import CURSOR, department_named
from recipients.models import OptOut
from recipients.selectors.registers import find_consents, find_opt_outs, visible_consents
from recipients.serializers import ConsentInput, ConsentOutput, OptOutInput, OptOutOutput
from tenants.errors import Invalid
from tenants.middleware import actor_for
from tenants.pagination import cursor_page
from tenants.permissions import Permission
from tenants.viewing import record_listed


class OptOutsView(APIView):
    permissions: ClassVar = {
        "GET": Permission.READ_REGISTERS,
        "POST": Permission.EDIT_REGISTERS,
        "DELETE": Permission.EDIT_REGISTERS,
    }

    @extend_schema(parameters=[OpenApiParameter("phone", str), CURSOR], responses=OptOutOutput(many=True))
    def get(self, request: Request) -> Response:
        """Entries, newest first; ``phone`` in any writing finds one number's, ended ones too."""
        phone = request.query_params.get("phone")
        if phone is not None:
            of_number = find_opt_outs(phone)
            record_listed(request, what="opt_outs", count=len(of_number))
            return Response({"results": [OptOutOutput(entry).data for entry in of_number], "next": None})
        entries = OptOut.objects.filter(ended_at=None).select_related("created_by", "ended_by")
        found = cursor_page(entries, order=["-created_at"], cursor=request.query_params.get("cursor"))
        record_listed(request, what="opt_outs", count=len(found.results))
        return Response(found.body(lambda entry: OptOutOutput(entry).data))

    @extend_schema(request=OptOutInput, responses={201: OptOutOutput})
    def post(self, request: Request) -> Response:
        given = OptOutInput(data=request.data)
        given.is_valid(raise_exception=True)
        values: dict[str, Any] = given.validated_data
        entry = services.add_opt_out(**values, by=actor_for(request), now=timezone.now())
        return Response(OptOutOutput(entry).data, status=201)

    @extend_schema(
        operation_id="opt_outs_destroy_by_phone",
        parameters=[OpenApiParameter("phone", str)],
        responses={204: None},
    )
    def delete(self, request: Request) -> Response:
        """End the open entry of a number, named by ``?phone=`` or by ``phone`` in the body."""
        body = request.data if isinstance(request.data, dict) else {}
        phone = str(request.query_params.get("phone") or body.get("phone") or "")
        entries = [entry for entry in find_opt_outs(phone) if entry.ended_at is None]
        if not entries:
            raise Invalid(_("この番号は、停止の台帳にありません。"), code="not_opted_out")
        services.end_opt_out(entry=entries[0], by=actor_for(request), now=timezone.now())
        return Response(status=204)


class OptOutView(APIView):
    permissions: ClassVar = {"DELETE": Permission.EDIT_REGISTERS}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, public_id: UUID) -> Response:
        entry = get_object_or_404(OptOut.objects, public_id=public_id)
        services.end_opt_out(entry=entry, by=actor_for(request), now=timezone.now())
        return Response(status=204)


class ConsentsView(APIView):
    permissions: ClassVar = {"GET": Permission.READ_REGISTERS, "POST": Permission.EDIT_REGISTERS}

    @extend_schema(
        parameters=[OpenApiParameter("phone", str), OpenApiParameter("external_id", str), CURSOR],
        responses=ConsentOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """Entries, newest first; ``phone`` in any writing or ``external_id`` finds the history of one person."""
        wanted = request.query_params.get("phone") or request.query_params.get("external_id")
        if wanted is not None:
            of_person = find_consents(wanted, by=actor_for(request))
            record_listed(request, what="consents", count=len(of_person))
            return Response({"results": [ConsentOutput(entry).data for entry in of_person], "next": None})
        found = cursor_page(
            visible_consents(actor_for(request)), order=["-created_at"], cursor=request.query_params.get("cursor")
        )
        record_listed(request, what="consents", count=len(found.results))
        return Response(found.body(lambda entry: ConsentOutput(entry).data))

    @extend_schema(request=ConsentInput, responses={201: ConsentOutput})
    def post(self, request: Request) -> Response:
        """Write down a yes, or with ``given`` false a no or a withdrawal."""
        given = ConsentInput(data=request.data)
        given.is_valid(raise_exception=True)
        values: dict[str, Any] = dict(given.validated_data)
        actor, department = actor_for(request), values.pop("department", None)
        entry = services.record_consent(
            **values,
            department=department_named(actor, department) if department else None,
            by=actor,
            now=timezone.now(),
        )
        return Response(ConsentOutput(entry).data, status=201)
