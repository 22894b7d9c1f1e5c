"""Campaigns over the API."""

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

from dispatch import evidence
from dispatch.message_serializers import MessageOutput, message_body
from dispatch.models import Campaign, Policy
from dispatch.selectors.campaigns import api_campaign, messages_of, visible_campaigns
from dispatch.serializers import PRIORITIES, CampaignInput, CampaignOutput, SendInput
from dispatch.services import campaigns
from recipients.models import Roster
from recipients.selectors.rosters import visible_rosters
from templates_sms.models import TemplateVersion
from templates_sms.selectors import visible_templates
from tenants.actors import Actor
from tenants.errors import Invalid
from tenants.idempotency import idempotent
from tenants.middleware import actor_for
from tenants.pagination import cursor_page
from tenants.permissions import Permission
from tenants.viewing import record_listed

CURSOR = OpenApiParameter("cursor", str)
STATE = OpenApiParameter("state", str)


def _campaign(request: Request, public_id: UUID) -> Campaign:
    return get_object_or_404(visible_campaigns(actor_for(request)), public_id=public_id)


def _roster(actor: Actor, public_id: UUID) -> Roster:
    roster = visible_rosters(actor).filter(public_id=public_id).first()
    if roster is None:
        sentence = _("この名簿は見つかりません。")
        raise Invalid(sentence, code="unknown_roster", fields={"roster": [sentence]})
    return roster


def _version(actor: Actor, public_id: UUID) -> TemplateVersion:
    """The template's version in use."""
    template = visible_templates(actor).filter(public_id=public_id).first()
    if template is None:
        sentence = _("この文面は見つかりません。")
        raise Invalid(sentence, code="unknown_template", fields={"template": [sentence]})
    version: TemplateVersion = template.versions.get(number=template.current)
    return version


class CampaignsView(APIView):
    permissions: ClassVar = {"GET": Permission.READ_CAMPAIGNS, "POST": Permission.EDIT_CAMPAIGNS}

    @extend_schema(parameters=[CURSOR], responses=CampaignOutput(many=True))
    def get(self, request: Request) -> Response:
        """The campaigns of one's departments, newest first."""
        found = cursor_page(
            visible_campaigns(actor_for(request)), order=["-created_at"], cursor=request.query_params.get("cursor")
        )
        return Response(found.body(api_campaign))

    @extend_schema(request=CampaignInput, responses={201: CampaignOutput})
    @idempotent
    def post(self, request: Request) -> Response:
        """A draft: a roster and a text, with what it will cost."""
        given = CampaignInput(data=request.data)
        given.is_valid(raise_exception=True)
        data, actor = given.validated_data, actor_for(request)
        campaign = campaigns.create_campaign(
            name=data["name"],
            roster=_roster(actor, data["roster"]),
            template_version=_version(actor, data["template"]) if "template" in data else None,
            text=data.get("text", ""),
            send_at=data["send_at"],
            policy=Policy(data["policy"]),
            priority=PRIORITIES[data["priority"]],
            by=actor,
            now=timezone.now(),
        )
        return Response(api_campaign(campaign), status=201)


class CampaignView(APIView):
    permissions: ClassVar = {"GET": Permission.READ_CAMPAIGNS}

    @extend_schema(responses=CampaignOutput)
    def get(self, request: Request, public_id: UUID) -> Response:
        return Response(api_campaign(_campaign(request, public_id)))


class CampaignMessagesView(APIView):
    permissions: ClassVar = {"GET": Permission.READ_ROSTERS}  # names and numbers, not only how many

    @extend_schema(parameters=[CURSOR, STATE], responses=MessageOutput(many=True))
    def get(self, request: Request, public_id: UUID) -> Response:
        """The texts of a campaign in the order of its roster."""
        campaign = _campaign(request, public_id)
        try:
            found = messages_of(campaign, state=request.query_params.get("state", ""))
        except ValueError as exc:
            sentence = _("state には queued、delivered などの状態を指定してください。")
            raise Invalid(sentence, fields={"state": [sentence]}) from exc
        messages = cursor_page(found, order=["recipient_id"], cursor=request.query_params.get("cursor"))
        shown = evidence.shown(messages.results)
        record_listed(
            request,
            what="campaign",
            count=len(shown),
            object_id=str(campaign.public_id),
            department_id=campaign.department_id,
        )
        results = [message_body(one) for one in shown]
        return Response({"results": results, "next": messages.next})


class _ActView(APIView):
    """A verb on a campaign; said twice, it answers the same."""

    def act(self, campaign: Campaign, request: Request) -> Campaign:
        raise NotImplementedError

    @extend_schema(request=None, responses=CampaignOutput)
    @idempotent
    def post(self, request: Request, public_id: UUID) -> Response:
        campaign = self.act(_campaign(request, public_id), request)
        return Response(api_campaign(campaign))


class ApproveView(_ActView):
    permissions: ClassVar = {"POST": Permission.APPROVE}

    def act(self, campaign: Campaign, request: Request) -> Campaign:
        return campaigns.approve_campaign(campaign=campaign, by=actor_for(request), now=timezone.now())


class SendView(_ActView):
    permissions: ClassVar = {"POST": Permission.SEND}

    def act(self, campaign: Campaign, request: Request) -> Campaign:
        given = SendInput(data=_body(request))
        given.is_valid(raise_exception=True)
        reason = given.validated_data["override_reason"]
        return campaigns.send_campaign(
            campaign=campaign, by=actor_for(request), now=timezone.now(), override_reason=reason
        )


class PauseView(_ActView):
    permissions: ClassVar = {"POST": Permission.SEND}

    def act(self, campaign: Campaign, request: Request) -> Campaign:
        return campaigns.pause_campaign(campaign=campaign, by=actor_for(request), now=timezone.now())


class ResumeView(_ActView):
    permissions: ClassVar = {"POST": Permission.SEND}

    def act(self, campaign: Campaign, request: Request) -> Campaign:
        return campaigns.resume_campaign(campaign=campaign, by=actor_for(request), now=timezone.now())


class CancelView(_ActView):
    permissions: ClassVar = {"POST": Permission.SEND}

    def act(self, campaign: Campaign, request: Request) -> Campaign:
        return campaigns.cancel_campaign(campaign=campaign, by=actor_for(request), now=timezone.now())


def _body(request: Request) -> Any:
    """An empty body is an empty object."""
    return request.data or {}
