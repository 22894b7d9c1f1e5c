"""The settings pages: the office's rules, departments, people and API keys; and the audit trail."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from tenants import services
from tenants.audit_words import action_choices, described
from tenants.context import current_tenant_id
from tenants.errors import Refused
from tenants.forms import DepartmentForm, KeyForm, PersonForm, RoleForm, RulesForm
from tenants.middleware import actor_for
from tenants.models import ApiKey, Department, Membership, Tenant, User
from tenants.pages import BOTH, GET, POST, page
from tenants.pagination import cursor_page
from tenants.permissions import Permission
from tenants.selectors import audit_events, people_with_roles

INVALID = 422


@page(Permission.SETTINGS, methods=BOTH)
def rules(request: HttpRequest) -> HttpResponse:
    tenant = Tenant.objects.get(pk=current_tenant_id())
    form = RulesForm(request.POST or None, instance=tenant)
    if request.method != "POST":
        return render(request, "tenants/rules.html", {"form": form})
    if not form.is_valid():
        return render(request, "tenants/rules.html", {"form": form}, status=INVALID)
    changed = services.change_rules(changes=form.cleaned_data, by=actor_for(request), now=timezone.now())
    messages.success(request, _("ルールを保存しました。") if changed else _("変わった項目はありません。"))
    return redirect("settings")


@page(Permission.SETTINGS, methods=BOTH)
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


@page(Permission.SETTINGS, methods=BOTH)
@never_cache
def people(request: HttpRequest) -> HttpResponse:
    """Everybody in the tenant; a person is added here, and their first password is shown once."""
    form = PersonForm(request.POST or None)
    context: dict[str, Any] = {"form": form, "added": None}
    if request.method == "POST" and form.is_valid():
        try:
            context["added"] = services.add_person(
                email=form.cleaned_data["email"],
                name=form.cleaned_data["name"],
                role=form.chosen_role,
                department=form.cleaned_data["department"],
                by=actor_for(request),
                now=timezone.now(),
            )
        except services.EmailTaken as refused:
            form.add_error("email", str(refused.user_message))
        else:
            context["form"] = PersonForm()
    context |= {"people": people_with_roles(), "role_form": RoleForm(auto_id=False)}
    return render(request, "tenants/people.html", context, status=INVALID if form.errors else 200)


@page(Permission.SETTINGS, methods=POST)
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


@page(Permission.SETTINGS, methods=POST)
def take_role(request: HttpRequest) -> HttpResponse:
    membership = get_object_or_404(
        Membership.objects.select_related("user", "department"), pk=_number(request, "membership")
    )
    try:
        services.take_role(membership=membership, by=actor_for(request), now=timezone.now())
    except services.CannotChangeOneself as refused:
        messages.error(request, str(refused.user_message))
    return redirect("settings_people")


@page(Permission.SETTINGS, methods=POST)
def person_state(request: HttpRequest) -> HttpResponse:
    """Keep a person out or let them in again (``is_active`` = 1)."""
    try:
        services.set_person_active(
            user=_person(request),
            is_active=request.POST.get("is_active") == "1",
            by=actor_for(request),
            now=timezone.now(),
        )
    except services.CannotChangeOneself as refused:
        messages.error(request, str(refused.user_message))
    return redirect("settings_people")


def _person(request: HttpRequest) -> User:
    """The person of this tenant that the form names; 404 otherwise."""
    return get_object_or_404(User, pk=_number(request, "person"), tenant_id=current_tenant_id())


def _number(request: HttpRequest, field: str) -> int:
    value = request.POST.get(field, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else 0


@page(Permission.SETTINGS, methods=BOTH)
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
    return render(request, "tenants/keys.html", context, status=INVALID if form.errors else 200)


@page(Permission.SETTINGS, methods=POST)
def revoke_key(request: HttpRequest, public_id: UUID) -> HttpResponse:
    key = get_object_or_404(ApiKey.objects.select_related("department"), public_id=public_id)
    services.revoke_api_key(key=key, by=actor_for(request), now=timezone.now())
    messages.success(request, _("キーを無効にしました。"))
    return redirect("settings_keys")


@page(Permission.READ_AUDIT, methods=GET)
@never_cache
def audit(request: HttpRequest) -> HttpResponse:
    """Who did what, newest first; searched by act, person and day."""
    chosen = {name: request.GET.get(name, "") for name in ("action", "person", "day")}
    events = cursor_page(
        audit_events(by=actor_for(request), action=chosen["action"], person=chosen["person"], day=chosen["day"]),
        order=["-at"],
        cursor=request.GET.get("cursor"),
    )
    context = {
        "lines": [described(event) for event in events.results],
        "next_cursor": events.next,
        "chosen": chosen,
        "actions": action_choices(),
        "people": User.objects.filter(tenant_id=current_tenant_id()).order_by("name"),
    }
    return render(request, "tenants/audit.html", context)
