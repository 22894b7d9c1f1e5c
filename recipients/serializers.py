"""The API's JSON for rosters, their rows and opt-outs (API.md)."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from recipients.models import Channel, Consent, OptOut, Recipient, Roster, Route
from recipients.phone_numbers import NumberKind
from recipients.routing_rules import rule_of
from recipients.selectors.roster_page import hazards_of
from recipients.sentences import failure_sentence, notice_sentence, problem_sentence, sentence_of_file


class ProblemOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    needs = serializers.ChoiceField(choices=["confirm", "release"], allow_null=True)
    answered = serializers.BooleanField()


class RosterCreated(serializers.Serializer[Roster]):
    id = serializers.UUIDField(source="public_id")
    state = serializers.CharField()


class RosterOutput(RosterCreated):
    """``problems`` holds what people must answer, what they should know, and why the file could not be read."""

    name = serializers.CharField()
    department = serializers.UUIDField(source="department.public_id", allow_null=True, default=None)
    rows = serializers.IntegerField()
    rows_read = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.IntegerField())
    reasons = serializers.DictField(child=serializers.IntegerField())
    mapping = serializers.DictField(child=serializers.CharField())
    header = serializers.SerializerMethodField()
    problems = serializers.SerializerMethodField()
    one_text_per_number = serializers.BooleanField()
    exclusions = serializers.SerializerMethodField()
    hazards = serializers.SerializerMethodField()
    as_of = serializers.DateField()
    created_at = serializers.DateTimeField()

    def get_header(self, roster: Roster) -> list[str]:
        return list(roster.personal.get("header", []))

    def get_exclusions(self, roster: Roster) -> dict[str, Any] | None:
        """The list of those who are not concerned, where there is one."""
        found = roster.exclusions.first()
        return {"rows": found.rows, "unread": found.personal.get("unread", 0)} if found else None

    def get_hazards(self, roster: Roster) -> list[dict[str, Any]]:
        """Characters that a handset may not show, with what to write instead."""
        return [
            {
                "character": hazard.character,
                "code_point": hazard.code_point,
                "instead": hazard.instead,
                "remedy": hazard.remedy,
                "rows": hazard.rows,
                "first_row": hazard.first_row,
            }
            for hazard in hazards_of(roster)
        ]

    def get_problems(self, roster: Roster) -> list[dict[str, Any]]:
        found = [
            _problem(problem.code, problem_sentence(problem.code, problem.details), problem.needs, not problem.is_open)
            for problem in roster.problems.order_by("pk")
        ]
        failure = roster.personal.get("failure")
        if failure:
            sentence = failure_sentence(failure["code"], failure["params"])
            named = sentence_of_file(roster.personal.get("file_name"), sentence)
            found.append(_problem(failure["code"], named))
        notices = roster.personal.get("notices", ())
        found += [_problem(notice["code"], notice_sentence(notice["code"], notice["params"])) for notice in notices]
        return found


def _problem(code: str, message: str, needs: str = "", answered: bool = True) -> dict[str, Any]:
    """An answered problem needs nothing any more."""
    return {"code": code, "message": message, "needs": None if answered else needs or None, "answered": answered}


class RowOutput(serializers.Serializer[Recipient]):
    """``phone`` takes texts; ``call_number`` is what a person dials."""

    row = serializers.IntegerField()
    external_id = serializers.CharField(source="personal.external_id")
    name = serializers.CharField(source="personal.name")
    phone = serializers.SerializerMethodField()
    call_number = serializers.CharField(source="personal.phone", allow_null=True)
    route = serializers.SerializerMethodField()
    reason = serializers.CharField()
    rule = serializers.SerializerMethodField()
    detail = serializers.CharField(source="personal.detail")

    def get_rule(self, recipient: Recipient) -> str:
        """Which rule decided; "" for a text."""
        return rule_of(recipient.reason)

    def get_phone(self, recipient: Recipient) -> str | None:
        is_mobile = recipient.personal.get("number_kind") == NumberKind.MOBILE
        return recipient.personal.get("phone") if is_mobile else None

    def get_route(self, recipient: Recipient) -> str:
        return Route(recipient.route).word


class ConfirmInput(serializers.Serializer[Any]):
    codes = serializers.ListField(child=serializers.CharField(max_length=40), min_length=1, max_length=50)


class RosterInput(serializers.Serializer[Any]):
    """The fields beside the file."""

    name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    mapping = serializers.JSONField(required=False, binary=True, help_text="JSON text: field → column header.")
    department = serializers.UUIDField(required=False, allow_null=True)

    def validate_mapping(self, value: Any) -> dict[str, str]:
        wanted = isinstance(value, dict) and all(isinstance(column, str) for column in value.values())
        if not wanted or len(value) > 50:
            raise serializers.ValidationError(_("項目と列の見出しの組を、JSONのオブジェクトで指定してください。"))
        return dict(value)


class FamilyInput(serializers.Serializer[Any]):
    one_text = serializers.BooleanField()


class OptOutInput(serializers.Serializer[Any]):
    phone = serializers.CharField(max_length=200)
    channel = serializers.ChoiceField(choices=Channel.choices, required=False, allow_blank=True, default="")
    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class OptOutOutput(serializers.Serializer[OptOut]):
    id = serializers.UUIDField(source="public_id")
    phone = serializers.CharField(source="personal.phone")
    channel = serializers.CharField()
    note = serializers.CharField(source="personal.note")
    recorded_by = serializers.CharField(source="created_by.name", allow_null=True, default=None)
    created_at = serializers.DateTimeField()
    ended_by = serializers.CharField(source="ended_by.name", allow_null=True, default=None)
    ended_at = serializers.DateTimeField(allow_null=True)


class ConsentInput(serializers.Serializer[Any]):
    """``given`` false is a no or a withdrawal. Without ``external_id`` it speaks for whoever has the number."""

    phone = serializers.CharField(max_length=200)
    given = serializers.BooleanField(required=False, default=True, source="is_given")
    given_on = serializers.DateField(required=False, allow_null=True, default=None)
    channel = serializers.ChoiceField(choices=Channel.choices, required=False, allow_blank=True, default="")
    purpose = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    name = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    external_id = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
    department = serializers.UUIDField(required=False, allow_null=True, default=None)


class ConsentOutput(serializers.Serializer[Consent]):
    id = serializers.UUIDField(source="public_id")
    phone = serializers.CharField(source="personal.phone")
    external_id = serializers.CharField(source="personal.external_id")
    name = serializers.CharField(source="personal.name")
    given = serializers.BooleanField(source="is_given")
    given_on = serializers.DateField()
    channel = serializers.CharField()
    purpose = serializers.CharField(source="personal.purpose")
    note = serializers.CharField(source="personal.note")
    department = serializers.UUIDField(source="department.public_id", allow_null=True, default=None)
    recorded_by = serializers.CharField(source="created_by.name")
    created_at = serializers.DateTimeField()
