"""Who may do what: the permissions, the roles and the table between them (docs/reference/rights.md is made from it)."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    STAFF = "staff", _("担当者")
    APPROVER = "approver", _("承認者")
    ADMIN = "admin", _("管理者")
    AUDITOR = "auditor", _("監査")
    VIEWER = "viewer", _("閲覧")


class Permission(enum.StrEnum):
    """What a route asks for. ``PUBLIC`` and ``SIGNED_IN`` are declared too, so that nothing is open by omission."""

    PUBLIC = "public"
    SIGNED_IN = "signed_in"
    OPERATE = "operate"  # platform operators only
    SEE_TODAY = "see_today"
    READ_ROSTERS = "read_rosters"
    EDIT_ROSTERS = "edit_rosters"
    READ_TEMPLATES = "read_templates"
    EDIT_TEMPLATES = "edit_templates"
    READ_CAMPAIGNS = "read_campaigns"
    EDIT_CAMPAIGNS = "edit_campaigns"
    APPROVE = "approve"
    SEND = "send"
    WORK_CALLS = "work_calls"
    READ_EVIDENCE = "read_evidence"
    READ_REPORTS = "read_reports"
    READ_REGISTERS = "read_registers"
    EDIT_REGISTERS = "edit_registers"
    SETTINGS = "settings"
    READ_AUDIT = "read_audit"


_P = Permission
_LOOK: Final = frozenset({_P.SIGNED_IN, _P.SEE_TODAY, _P.READ_TEMPLATES, _P.READ_CAMPAIGNS})
_WORK: Final = _LOOK | {
    _P.READ_ROSTERS,
    _P.EDIT_ROSTERS,
    _P.EDIT_TEMPLATES,
    _P.EDIT_CAMPAIGNS,
    _P.SEND,
    _P.WORK_CALLS,
    _P.READ_REGISTERS,
}

ROLE_TABLE: Final[Mapping[str, frozenset[Permission]]] = {
    Role.VIEWER: _LOOK,
    Role.STAFF: _WORK,
    Role.APPROVER: _WORK | {_P.APPROVE},
    Role.AUDITOR: _LOOK | {_P.READ_ROSTERS, _P.READ_EVIDENCE, _P.READ_REPORTS, _P.READ_REGISTERS, _P.READ_AUDIT},
    Role.ADMIN: _WORK | {_P.APPROVE, _P.READ_EVIDENCE, _P.READ_REPORTS, _P.EDIT_REGISTERS, _P.SETTINGS, _P.READ_AUDIT},
}
OPERATOR_PERMISSIONS: Final = frozenset({_P.SIGNED_IN, _P.OPERATE})
