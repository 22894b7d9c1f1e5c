"""Rosters over the API."""

from __future__ import annotations

from typing import ClassVar, Final
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recipients import services
from recipients.models import Recipient, Roster, Route
from recipients.selectors.rosters import default_department, rows_of, visible_rosters
from recipients.sentences import too_large_sentence
from recipients.serializers import (
    ConfirmInput,
    FamilyInput,
    RosterCreated,
    RosterInput,
    RosterOutput,
    RowOutput,
)
from tenants.actors import Actor
from tenants.errors import Invalid
from tenants.idempotency import idempotent
from tenants.json_parsing import BodyTooLarge
from tenants.middleware import actor_for
from tenants.models import Department
from tenants.pagination import cursor_page
from tenants.permissions import Permission
from tenants.uploads import is_too_large, packed
from tenants.viewing import record_listed

ROUTES: Final = {route.word: route for route in Route}
CURSOR: Final = OpenApiParameter("cursor", str)


def _roster(request: Request, public_id: UUID) -> Roster:
    return get_object_or_404(visible_rosters(actor_for(request)), public_id=public_id)


class RostersView(APIView):
    permissions: ClassVar = {"GET": Permission.READ_ROSTERS, "POST": Permission.EDIT_ROSTERS}
    parser_classes = (MultiPartParser,)

    @extend_schema(parameters=[CURSOR], responses=RosterOutput(many=True))
    def get(self, request: Request) -> Response:
        """The rosters of one's departments, newest first."""
        found = cursor_page(
            visible_rosters(actor_for(request)), order=["-created_at"], cursor=request.query_params.get("cursor")
        )
        return Response(found.body(lambda roster: RosterOutput(roster).data))

    @extend_schema(
        request={
            "multipart/form-data": {
                "type": "object",
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "exclusions": {"type": "string", "format": "binary"},
                },
            }
        },
        responses={202: RosterCreated},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Keep a file and read it in a worker; what is wrong with it is told by the roster's ``problems``.

        A second file, ``exclusions``, names those who are not concerned, by number or id.
        """
        file = request.FILES.get("file")
        if file is None and is_too_large(request):
            raise BodyTooLarge(too_large_sentence(int(request.META["CONTENT_LENGTH"])))
        if file is None:
            sentence = _("名簿のファイルを file という名前の部分に入れて、multipart/form-data で送ってください。")
            raise Invalid(sentence, code="no_file", fields={"file": [sentence]})
        given = RosterInput(data={name: request.POST[name] for name in request.POST})
        given.is_valid(raise_exception=True)
        actor = actor_for(request)
        roster = services.upload_roster(
            data=packed(file),
            file_name=file.name or "",
            name=given.validated_data.get("name", ""),
            department=department_named(actor, given.validated_data.get("department")),
            mapping=given.validated_data.get("mapping"),
            exclusions=_exclusions(request),
            by=actor,
            now=timezone.now(),
        )
        return Response(RosterCreated(roster).data, status=202)


def _exclusions(request: Request) -> services.ExclusionFile | None:
    file = request.FILES.get("exclusions")
    return services.ExclusionFile(data=packed(file), file_name=file.name or "") if file else None


def department_named(actor: Actor, public_id: UUID | None) -> Department | None:
    """The department that was named, or the actor's own. Raises ``Invalid`` for one that they do not see."""
    if public_id is None:
        return default_department(actor)
    department: Department | None = Department.objects.filter(public_id=public_id, is_active=True).first()
    if department is None or not actor.sees(department.pk):
        sentence = _("その部署はありません。")
        raise Invalid(sentence, code="unknown_department", fields={"department": [sentence]})
    return department


class RosterView(APIView):
    permissions: ClassVar = {"GET": Permission.READ_ROSTERS}

    @extend_schema(responses=RosterOutput)
    def get(self, request: Request, public_id: UUID) -> Response:
        return Response(RosterOutput(_roster(request, public_id)).data)


class ConfirmView(APIView):
    permissions: ClassVar = {"POST": Permission.EDIT_ROSTERS}

    @extend_schema(request=ConfirmInput, responses=RosterOutput)
    def post(self, request: Request, public_id: UUID) -> Response:
        """Answer problems. One that needs ``release`` wants the key of another person than the one who uploaded."""
        given = ConfirmInput(data=request.data)
        given.is_valid(raise_exception=True)
        roster = _roster(request, public_id)
        codes = given.validated_data["codes"]
        services.confirm_problems(roster=roster, codes=codes, by=actor_for(request), now=timezone.now())
        return Response(RosterOutput(_roster(request, public_id)).data)


class ExclusionsView(APIView):
    """The list of those of a roster who are not concerned."""

    permissions: ClassVar = {"POST": Permission.EDIT_ROSTERS, "DELETE": Permission.EDIT_ROSTERS}
    parser_classes = (MultiPartParser,)

    @extend_schema(
        request={
            "multipart/form-data": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
        },
        responses={202: RosterCreated},
    )
    def post(self, request: Request, public_id: UUID) -> Response:
        """Take out everybody whom the file names, in place of the list before; the roster is read again."""
        roster = _roster(request, public_id)
        file = request.FILES.get("file")
        if file is None:
            sentence = _("除外する人の一覧を file という名前の部分に入れて、multipart/form-data で送ってください。")
            raise Invalid(sentence, code="no_file", fields={"file": [sentence]})
        given = services.ExclusionFile(data=packed(file), file_name=file.name or "")
        roster = services.exclude_from_file(roster=roster, file=given, by=actor_for(request), now=timezone.now())
        return Response(RosterCreated(roster).data, status=202)

    @extend_schema(responses={202: RosterCreated})
    def delete(self, request: Request, public_id: UUID) -> Response:
        """Nobody is taken out by a file any more; the roster is read again."""
        roster = services.drop_exclusions(roster=_roster(request, public_id), by=actor_for(request), now=timezone.now())
        return Response(RosterCreated(roster).data, status=202)


class FamiliesView(APIView):
    permissions: ClassVar = {"POST": Permission.EDIT_ROSTERS}

    @extend_schema(request=FamilyInput, responses={202: RosterCreated})
    def post(self, request: Request, public_id: UUID) -> Response:
        """``one_text``: people who share a number get one text between them; false: one each, as by default."""
        roster, given = _roster(request, public_id), FamilyInput(data=request.data)
        given.is_valid(raise_exception=True)
        roster = services.choose_family_texts(
            roster=roster,
            one_text=given.validated_data["one_text"],
            by=actor_for(request),
            now=timezone.now(),
        )
        return Response(RosterCreated(roster).data, status=202)


class RowsView(APIView):
    permissions: ClassVar = {"GET": Permission.READ_ROSTERS}

    @extend_schema(
        parameters=[OpenApiParameter("route", str, enum=sorted(ROUTES)), OpenApiParameter("reason", str), CURSOR],
        responses=RowOutput(many=True),
    )
    def get(self, request: Request, public_id: UUID) -> Response:
        """Rows in the order of the file."""
        roster = _roster(request, public_id)
        wanted = request.query_params.get("route", "")
        if wanted and wanted not in ROUTES:
            raise Invalid(fields={"route": [", ".join(ROUTES)]})
        rows = rows_of(roster, route=ROUTES.get(wanted), reason=request.query_params.get("reason", ""))
        found = cursor_page(rows, order=["row"], cursor=request.query_params.get("cursor"))
        _note_look(request, roster, count=len(found.results))
        return Response(found.body(lambda row: RowOutput(row).data))


class RowView(APIView):
    permissions: ClassVar = {"GET": Permission.READ_ROSTERS, "PATCH": Permission.EDIT_ROSTERS}

    @extend_schema(responses=RowOutput)
    def get(self, request: Request, public_id: UUID, row: int) -> Response:
        roster = _roster(request, public_id)
        found = get_object_or_404(Recipient.objects, roster=roster, row=_bounded(row))
        _note_look(request, roster, count=1)
        return Response(RowOutput(found).data)

    @extend_schema(request={"application/json": {"type": "object"}}, responses=RowOutput)
    def patch(self, request: Request, public_id: UUID, row: int) -> Response:
        """Mend cells, by field (``phone``, ``name``, …) or by column header; the row is checked again."""
        roster = _roster(request, public_id)
        fields = request.data
        if not isinstance(fields, dict) or not fields or not all(isinstance(value, str) for value in fields.values()):
            raise Invalid(_("直す項目と値を、文字列で送ってください。"))
        get_object_or_404(Recipient.objects, roster=roster, row=_bounded(row))
        mended = services.mend_row(roster=roster, row=row, fields=fields, by=actor_for(request), now=timezone.now())
        return Response(RowOutput(mended).data)


def _note_look(request: Request, roster: Roster, *, count: int) -> None:
    record_listed(
        request, what="roster", count=count, object_id=str(roster.public_id), department_id=roster.department_id
    )


def _bounded(row: int) -> int:
    """A number that the column can hold; none of ours is larger."""
    return min(row, 2**31 - 1)
