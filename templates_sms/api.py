"""Templates over the API."""

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

from templates_sms import services
from templates_sms.selectors import preview_text, visible_templates
from templates_sms.serializers import PreviewInput, PreviewOutput, TemplateChange, TemplateInput, TemplateOutput
from tenants.actors import Actor
from tenants.context import current_tenant_id
from tenants.errors import Invalid
from tenants.middleware import actor_for
from tenants.models import Department, Tenant
from tenants.pagination import cursor_page
from tenants.permissions import Permission
from tenants.selectors import departments_of


def _template(request: Request, public_id: UUID) -> Any:
    return get_object_or_404(visible_templates(actor_for(request)), public_id=public_id)


def _department(actor: Actor, public_id: UUID | None) -> Department | None:
    """The department that was named, or the actor's own; None is the whole tenant's."""
    departments = departments_of(actor)
    if public_id is None:
        return departments[0] if actor.department_ids is not None and departments else None
    found = next((department for department in departments if department.public_id == public_id), None)
    if found is None:
        sentence = _("その部署はありません。")
        raise Invalid(sentence, code="unknown_department", fields={"department": [sentence]})
    return found


class TemplatesView(APIView):
    permissions: ClassVar = {"GET": Permission.READ_TEMPLATES, "POST": Permission.EDIT_TEMPLATES}

    @extend_schema(parameters=[OpenApiParameter("cursor", str)], responses=TemplateOutput(many=True))
    def get(self, request: Request) -> Response:
        """The templates in use, by name."""
        found = cursor_page(
            visible_templates(actor_for(request)), order=["name"], cursor=request.query_params.get("cursor")
        )
        return Response(found.body(lambda template: TemplateOutput(template).data))

    @extend_schema(request=TemplateInput, responses={201: TemplateOutput})
    def post(self, request: Request) -> Response:
        given = TemplateInput(data=request.data)
        given.is_valid(raise_exception=True)
        values: dict[str, Any] = dict(given.validated_data)
        actor = actor_for(request)
        department = _department(actor, values.pop("department", None))
        template = services.create_template(**values, department=department, by=actor, now=timezone.now())
        return Response(TemplateOutput(_template(request, template.public_id)).data, status=201)


class TemplateView(APIView):
    permissions: ClassVar = {
        "GET": Permission.READ_TEMPLATES,
        "PATCH": Permission.EDIT_TEMPLATES,
        "DELETE": Permission.EDIT_TEMPLATES,
    }

    @extend_schema(responses=TemplateOutput)
    def get(self, request: Request, public_id: UUID) -> Response:
        return Response(TemplateOutput(_template(request, public_id)).data)

    @extend_schema(request=TemplateChange, responses=TemplateOutput)
    def patch(self, request: Request, public_id: UUID) -> Response:
        """Another name or kind; another text is a new version."""
        given = TemplateChange(data=request.data)
        given.is_valid(raise_exception=True)
        template = _template(request, public_id)
        services.edit_template(template=template, **given.validated_data, by=actor_for(request), now=timezone.now())
        return Response(TemplateOutput(_template(request, public_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, public_id: UUID) -> Response:
        """Put away: not offered any more, kept for what was made of it."""
        services.archive_template(template=_template(request, public_id), by=actor_for(request), now=timezone.now())
        return Response(status=204)


class PreviewView(APIView):
    permissions: ClassVar = {"POST": Permission.READ_TEMPLATES}

    @extend_schema(request=PreviewInput, responses=PreviewOutput)
    def post(self, request: Request, public_id: UUID) -> Response:
        """The text for one person, with parts and cost."""
        given = PreviewInput(data=request.data)
        given.is_valid(raise_exception=True)
        tenant = Tenant.objects.get(pk=current_tenant_id())
        template = _template(request, public_id)
        preview = preview_text(template.text, tenant=tenant, values=given.validated_data.get("values"))
        if preview.problem:
            raise Invalid(preview.problem, code="unknown_placeholder", fields={"values": [preview.problem]})
        return Response(PreviewOutput(preview).data)
