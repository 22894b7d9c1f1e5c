"""Single texts and lists of texts over the API, and what became of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dispatch import evidence
from dispatch.message_serializers import (
    PRIORITIES,
    BatchInput,
    MessageInput,
    MessageOutput,
    MessageWithEventsOutput,
    message_body,
)
from dispatch.models import Message
from dispatch.services.errors import TextRefused
from dispatch.services.messages import BadNumber, Draft, send_message, send_messages
from dispatch.services.viewing import record_message_viewed, record_messages_searched
from recipients.phone_numbers import number_of_anybody, parse_number
from templates_sms.models import TemplateVersion
from templates_sms.rendering import Renderer, TemplateProblem
from templates_sms.selectors import visible_templates
from tenants.actors import Actor
from tenants.errors import Invalid, Refused
from tenants.idempotency import idempotent
from tenants.middleware import actor_for
from tenants.pagination import cursor_page
from tenants.permissions import Permission
from tenants.viewing import HEADER, api_reason

WHY: Final = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    description="Why, in percent-encoded UTF-8; wanted where the office asks for a reason.",
)


class BadQuery(Invalid):
    code = "bad_query"
    user_message = _("検索の条件を読み取れません。")


class Texts:
    """The texts of drafts; each template is looked up once, among those that ``by`` sees."""

    def __init__(self, by: Actor) -> None:
        self._by = by
        self._templates: dict[UUID, TemplateVersion | None] = {}

    def of(self, given: dict[str, Any]) -> str:
        """Raises ``TextRefused``."""
        if "text" in given:
            return str(given["text"])
        version = self._version(given["template"])
        if version is None:
            raise TextRefused(
                _("この文面はありません。"), code="unknown_template", fields={"template": "unknown_template"}
            )
        values = given.get("values", {})
        try:
            return Renderer(version.text, headers=values).render(values)
        except TemplateProblem as problem:
            raise TextRefused(problem.user_message, code=problem.code, fields={"values": problem.code}) from problem

    def _version(self, template_id: UUID) -> TemplateVersion | None:
        if template_id not in self._templates:
            template = visible_templates(self._by).filter(public_id=template_id).first()
            self._templates[template_id] = template and template.versions.get(number=template.current)
        return self._templates[template_id]


def _draft(given: dict[str, Any], texts: Texts) -> Draft:
    return Draft(
        to=given["to"],
        text=texts.of(given),
        reference=given.get("reference", ""),
        priority=PRIORITIES[given["priority"]],
    )


class MessagesView(APIView):
    permissions: ClassVar = {"GET": Permission.READ_EVIDENCE, "POST": Permission.SEND}

    @extend_schema(
        parameters=[*(OpenApiParameter(name) for name in ("phone", "reference", "since", "cursor")), WHY],
        responses=MessageOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """Messages, newest first, to a number in any writing, with a reference, since an instant."""
        query, actor, reason = request.query_params, actor_for(request), api_reason(request)
        page = cursor_page(
            evidence.messages(
                by=actor,
                phone=_number(query.get("phone")),
                reference=_plain(query.get("reference", "")),
                since=_instant(query.get("since")),
            ),
            order=["-created_at"],
            cursor=query.get("cursor"),
        )
        results = [message_body(one) for one in evidence.shown(page.results)]
        record_messages_searched(found=len(results), by=actor, now=timezone.now(), reason=reason)
        return Response({"results": results, "next": page.next})

    @extend_schema(request=MessageInput, responses={201: MessageWithEventsOutput})
    @idempotent
    def post(self, request: Request) -> Response:
        """One text, queued at once."""
        given = MessageInput(data=request.data)
        given.is_valid(raise_exception=True)
        actor = actor_for(request)
        draft = _draft(given.validated_data, Texts(actor))
        public_id = send_message(draft=draft, by=actor, now=timezone.now())
        one, events = evidence.just_queued(Message.objects.get(public_id=public_id), by=actor)
        return Response(message_body(one, events), status=201)


class MessageBatchView(APIView):
    permissions: ClassVar = {"POST": Permission.SEND}

    @extend_schema(request=BatchInput, responses={200: None})
    @idempotent
    def post(self, request: Request) -> Response:
        """Up to 10,000 texts; each is queued or refused by itself."""
        batch = BatchInput(data=request.data)
        batch.is_valid(raise_exception=True)
        texts, reader = Texts(actor_for(request)), MessageInput()
        drafts: dict[int, Draft] = {}
        results: dict[int, dict[str, Any]] = {}
        for index, item in enumerate(batch.validated_data["messages"]):
            outcome = _draft_or_error(item, reader, texts)
            if isinstance(outcome, Draft):
                drafts[index] = outcome
            else:
                results[index] = {"index": index, "error": outcome}
        outcomes = send_messages(drafts=list(drafts.values()), by=actor_for(request), now=timezone.now())
        for index, sent in zip(drafts, outcomes, strict=True):
            results[index] = (
                {"index": index, "error": _error(sent)} if isinstance(sent, Refused) else {"index": index, "id": sent}
            )
        return Response({"results": [results[index] for index in sorted(results)]})


def _draft_or_error(item: Any, reader: MessageInput, texts: Texts) -> Draft | dict[str, Any]:
    """One reader for all items: making a serializer costs more than its work."""
    try:
        return _draft(reader.run_validation(item), texts)
    except ValidationError as exc:
        return {"code": "invalid", "message": str(_("入力された内容に誤りがあります。")), "fields": exc.detail}
    except Refused as refused:
        return _error(refused)


def _error(refused: Refused) -> dict[str, Any]:
    body: dict[str, Any] = {"code": refused.code, "message": str(refused.user_message)}
    return body | {"fields": refused.fields} if refused.fields else body


class MessageView(APIView):
    permissions: ClassVar = {"GET": Permission.READ_EVIDENCE}

    @extend_schema(parameters=[WHY], responses=MessageWithEventsOutput)
    def get(self, request: Request, public_id: UUID) -> Response:
        """One message with everything that happened to it."""
        actor, reason = actor_for(request), api_reason(request)
        message = get_object_or_404(
            evidence.messages(by=actor).select_related(
                "campaign", "campaign__created_by", "campaign__approved_by", "campaign__sent_by"
            ),
            public_id=public_id,
        )
        (one,) = evidence.shown([message])
        record_message_viewed(message=message, by=actor, now=timezone.now(), reason=reason)
        return Response(message_body(one, evidence.timeline_of(message)))


def _number(raw: str | None) -> str:
    if not raw:
        return ""
    e164 = number_of_anybody(raw)
    if e164 is None:
        problem = str(parse_number(raw).problem)
        raise BadNumber(_("電話番号を読み取れません。"), code=problem, fields={"phone": problem})
    return e164


def _plain(raw: str) -> str:
    if not raw.isprintable():
        raise BadQuery(fields={"reference": "unreadable"})
    return raw


def _instant(raw: str | None) -> datetime | None:
    if not raw:
        return None
    try:
        instant = parse_datetime(raw.replace(" ", "+"))
        day = parse_date(raw) if instant is None else None
    except ValueError as exc:
        raise BadQuery(fields={"since": "unreadable"}) from exc
    if instant is None and day is None:
        raise BadQuery(fields={"since": "unreadable"})
    if instant is None and day is not None:
        instant = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - made aware below
    return timezone.make_aware(instant) if instant is not None and timezone.is_naive(instant) else instant
