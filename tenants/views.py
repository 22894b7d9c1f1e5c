"""The settings pages: the office's rules, departments, people and API keys; and the audit trail."""

from __future__ import annotations

import dataclasses
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from tenants import services
from tenants.account import invitations, resets
from tenants.account.fresh import must_be_fresh
from tenants.audit_file import TooManyLines, audit_trail_file
from tenants.audit_words import action_choices, described
from tenants.context import current_tenant_id
from tenants.errors import Refused
from tenants.forms import (
    DepartmentForm,
    KeyForm,
    MoveForm,
    NetworksForm,
    PersonForm,
    RetentionForm,
    RoleForm,
    RulesForm,
)
from tenants.middleware import actor_for
from tenants.models import ApiKey, AuditEvent, Department, Invitation, Membership, Tenant, User
from tenants.network import client_address
from tenants.pages import BOTH, GET, POST, page
from tenants.pagination import Page, cursor_page
from tenants.permissions import Permission
from tenants.selectors import AuditSearch, audit_events, people_with_roles
from tenants.spreadsheets import ENCODINGS

CREATED = 201
INVALID = 422
WATCHED = frozenset({"requires_approval", "asks_view_reason"})
"""Rules about who may do what: to change one is a change of rights."""


@page(Permission.SETTINGS, methods=BOTH)
def rules(request: HttpRequest) -> HttpResponse:
    tenant = Tenant.objects.get(pk=current_tenant_id())
    form = RulesForm(request.POST or None, instance=tenant)
    if request.method != "POST":
        return render(request, "tenants/rules.html", {"form": form})
    if not form.is_valid():
        return render(request, "tenants/rules.html", {"form": form}, status=INVALID)
    if WATCHED & set(form.changed_data):
        must_be_fresh(request)
    changed = services.change_rules(changes=form.cleaned_data, by=actor_for(request), now=timezone.now())
    messages.success(request, _("ルールを保存しました。") if changed else _("変わった項目はありません。"))
    return redirect("settings")


@page(Permission.SETTINGS, methods=BOTH, fresh_factor=True)
def retention(request: HttpRequest) -> HttpResponse:
    """How long each kind of data is kept; shorter means that older data go within hours."""
    form = RetentionForm(request.POST or None, instance=Tenant.objects.get(pk=current_tenant_id()))
    if request.method == "POST" and form.is_valid():
        changed = services.change_rules(changes=form.cleaned_data, by=actor_for(request), now=timezone.now())
        messages.success(request, _("保存期間を変えました。") if changed else _("変わった項目はありません。"))
        return redirect("settings_retention")
    return render(request, "tenants/retention.html", {"form": form}, status=INVALID if form.errors else 200)


@page(Permission.SETTINGS, methods=BOTH, once=True)
def departments(request: HttpRequest) -> HttpResponse:
    form = DepartmentForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.add_department(name=form.cleaned_data["name"], by=actor_for(request), now=timezone.now())
        except Refused as refused:
            form.add_error("name", str(refused.user_message))
        else:
            messages.success(request, _("部署を加えました。"))
            return redirect("departments")
    context = {"form": form, "departments": Department.objects.order_by("-is_active", "name")}
    return render(request, "tenants/departments.html", context, status=INVALID if form.errors else 200)


@page(Permission.SETTINGS, methods=POST)
def department_state(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Close a department or open it again (``is_active`` = 1)."""
    department = get_object_or_404(Department.objects, public_id=public_id)
    services.set_department_active(
        department=department, is_active=request.POST.get("is_active") == "1", by=actor_for(request), now=timezone.now()
    )
    return redirect("departments")


@page(Permission.SETTINGS, methods=BOTH, fresh_factor=True, once=True)
@never_cache
def people(request: HttpRequest) -> HttpResponse:
    """Everybody in the tenant, and who is invited to it."""
    form, now = PersonForm(request.POST or None), timezone.now()
    if request.method == "POST" and form.is_valid():
        try:
            invitations.invite(
                email=form.cleaned_data["email"],
                name=form.cleaned_data["name"],
                role=form.chosen_role,
                department=form.cleaned_data["department"],
                by=actor_for(request),
                now=now,
            )
        except services.EmailTaken as refused:
            form.add_error("email", str(refused.user_message))
        else:
            messages.success(request, _("%(name)s さんを招待しました。") % {"name": form.cleaned_data["name"]})
            return redirect("settings_people")
    context = {
        "form": form,
        "people": people_with_roles(),
        "role_form": RoleForm(auto_id=False),
        "invitations": [
            {"row": one, "link": invitations.link_of(one) if settings.DEMO else ""}
            for one in invitations.open_invitations(now=now)
        ],
    }
    return render(request, "tenants/people.html", context, status=INVALID if form.errors else 200)


@page(Permission.SETTINGS, methods=POST)
def revoke_invitation(request: HttpRequest, public_id: UUID) -> HttpResponse:
    found = get_object_or_404(Invitation.objects.select_related("department"), public_id=public_id)
    invitations.revoke(invitation=found, by=actor_for(request), now=timezone.now())
    messages.success(request, _("招待を取り消しました。"))
    return redirect("settings_people")


@page(Permission.SETTINGS, methods=POST, fresh_factor=True, once=True)
def give_role(request: HttpRequest) -> HttpResponse:
    user = _person(request)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("役割を選び直してください。"))
        return redirect("settings_people")
    try:
        services.give_role(
            user=user,
            role=form.chosen_role,
            department=form.cleaned_data["department"],
            by=actor_for(request),
            now=timezone.now(),
        )
    except (services.RoleTaken, services.CannotChangeOneself) as refused:
        messages.error(request, str(refused.user_message))
    return redirect("settings_people")


@page(Permission.SETTINGS, methods=POST, fresh_factor=True)
def take_role(request: HttpRequest) -> HttpResponse:
    membership = get_object_or_404(
        Membership.objects.select_related("user", "department"), pk=_number(request, "membership")
    )
    try:
        services.take_role(membership=membership, by=actor_for(request), now=timezone.now())
    except (services.CannotChangeOneself, services.LastAdmin) as refused:
        messages.error(request, str(refused.user_message))
    return redirect("settings_people")


@page(Permission.SETTINGS, methods=POST, fresh_factor=True)
def move_role(request: HttpRequest) -> HttpResponse:
    """Another department, the same role."""
    membership = get_object_or_404(
        Membership.objects.select_related("user", "department"), pk=_number(request, "membership")
    )
    form = MoveForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("部署を選び直してください。"))
        return redirect("settings_people")
    try:
        services.move_role(
            membership=membership,
            department=form.cleaned_data["department"],
            by=actor_for(request),
            now=timezone.now(),
        )
    except (services.CannotChangeOneself, services.RoleTaken, services.LastAdmin) as refused:
        messages.error(request, str(refused.user_message))
    return redirect("settings_people")


@page(Permission.SETTINGS, methods=POST, fresh_factor=True)
def person_state(request: HttpRequest) -> HttpResponse:
    """Keep a person out or let them in again (``is_active`` = 1)."""
    try:
        services.set_person_active(
            user=_person(request),
            is_active=request.POST.get("is_active") == "1",
            by=actor_for(request),
            now=timezone.now(),
        )
    except (services.CannotChangeOneself, services.LastAdmin) as refused:
        messages.error(request, str(refused.user_message))
    return redirect("settings_people")


@page(Permission.SETTINGS, methods=POST, fresh_factor=True)
def reset_factors(request: HttpRequest) -> HttpResponse:
    """Somebody lost phone and recovery codes: after the next password they set up a factor anew."""
    user = _person(request)
    try:
        resets.reset_factors(user=user, by=actor_for(request), now=timezone.now())
    except services.CannotChangeOneself as refused:
        messages.error(request, str(refused.user_message))
    else:
        said = _("%(name)s さんは、次にパスワードを入力したあとで、確認方法を設定し直せます。")
        messages.success(request, said % {"name": user.name})
    return redirect("settings_people")


def _person(request: HttpRequest) -> User:
    """The person of this tenant that the form names; 404 otherwise."""
    return get_object_or_404(User, pk=_number(request, "person"), tenant_id=current_tenant_id())


def _number(request: HttpRequest, field: str) -> int:
    value = request.POST.get(field, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else 0


@page(Permission.SETTINGS, methods=BOTH, fresh_factor=True, once=True)
@never_cache
def keys(request: HttpRequest) -> HttpResponse:
    """The API keys; a new one is shown once."""
    form = KeyForm(request.POST or None)
    context: dict[str, Any] = {"form": form, "issued": None}
    actor = actor_for(request)
    if request.method == "POST" and form.is_valid():
        context["issued"] = services.issue_api_key(
            owner=User.objects.get(pk=actor.user_id),
            name=form.cleaned_data["name"],
            role=form.chosen_role,
            department=form.cleaned_data["department"],
            by=actor,
            now=timezone.now(),
        )
        context["form"] = KeyForm()
    context["keys"] = ApiKey.objects.select_related("user", "department").order_by("revoked_at", "-created_at")
    status = CREATED if context["issued"] else INVALID if form.errors else 200
    return render(request, "tenants/keys.html", context, status=status)


@page(Permission.SETTINGS, methods=POST)
def revoke_key(request: HttpRequest, public_id: UUID) -> HttpResponse:
    key = get_object_or_404(ApiKey.objects.select_related("department"), public_id=public_id)
    services.revoke_api_key(key=key, by=actor_for(request), now=timezone.now())
    messages.success(request, _("キーを無効にしました。"))
    return redirect("settings_keys")


@page(Permission.SETTINGS, methods=BOTH, fresh_factor=True)
def networks(request: HttpRequest) -> HttpResponse:
    """From which networks people and keys may work."""
    tenant, address = Tenant.objects.get(pk=current_tenant_id()), client_address(request)
    form = NetworksForm(request.POST or None, initial={"networks": "\n".join(tenant.allowed_networks)})
    if request.method == "POST" and form.is_valid():
        try:
            services.allow_networks(
                networks=form.cleaned_data["networks"], address=address, by=actor_for(request), now=timezone.now()
            )
        except services.WouldLockOut as refused:
            form.add_error("networks", str(refused.user_message))
        else:
            messages.success(request, _("利用できる場所を保存しました。"))
            return redirect("settings_networks")
    context = {"form": form, "address": address or ""}
    return render(request, "tenants/networks.html", context, status=INVALID if form.errors else 200)


@page(Permission.READ_AUDIT, methods=GET)
@never_cache
def audit(request: HttpRequest) -> HttpResponse:
    """Who did what, newest first; searched by act, person, days and what it was about."""
    search = _audit_search(request)
    wanted = (
        audit_events(by=actor_for(request), search=search)
        .select_related("user", "api_key")
        .prefetch_related("subjects")
    )
    events = cursor_page(wanted, order=["-at"], cursor=request.GET.get("cursor"))
    return render(request, "tenants/audit.html", _audit_context(search, events))


def _audit_search(request: HttpRequest) -> AuditSearch:
    return AuditSearch(**{field.name: request.GET.get(field.name, "") for field in dataclasses.fields(AuditSearch)})


def _audit_context(search: AuditSearch, events: Page[AuditEvent] | None = None) -> dict[str, Any]:
    return {
        "lines": [described(event) for event in events.results] if events else [],
        "next_cursor": events.next if events else "",
        "chosen": search,
        "query": urlencode({name: value for name, value in dataclasses.asdict(search).items() if value}),
        "actions": action_choices(),
        "people": User.objects.filter(tenant_id=current_tenant_id()).order_by("name"),
    }


@page(Permission.READ_AUDIT, methods=GET)
@never_cache
def audit_file(request: HttpRequest) -> HttpResponse:
    """The lines that the search finds, for a spreadsheet; ``?encoding=cp932`` for an old Excel."""
    search, encoding = _audit_search(request), request.GET.get("encoding", "utf-8")
    try:
        content = audit_trail_file(
            search=search,
            by=actor_for(request),
            now=timezone.now(),
            encoding=encoding if encoding in ENCODINGS else "utf-8",
        )
    except TooManyLines as refused:
        messages.error(request, str(refused.user_message))
        return render(request, "tenants/audit.html", _audit_context(search), status=INVALID)
    response = HttpResponse(content, content_type="text/csv")
    response["Content-Disposition"] = 'attachment; filename="audit.csv"'
    return response
