"""The settings page of the rules by which rosters are divided: the office's, and a department's own."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from recipients.selectors.rules_page import lines_of_rules
from tenants import services
from tenants.context import current_tenant_id
from tenants.forms import DepartmentRoutingForm, RoutingForm
from tenants.middleware import actor_for
from tenants.models import Department, Tenant
from tenants.pages import BOTH, page
from tenants.permissions import Permission
from tenants.sending_rules import rules_in_force

INVALID = 422


@page(Permission.SETTINGS, methods=BOTH)
def routing_rules(request: HttpRequest) -> HttpResponse:
    tenant = Tenant.objects.get(pk=current_tenant_id())
    form = RoutingForm(request.POST or None, instance=tenant)
    if request.method == "POST" and form.is_valid():
        changed = services.change_rules(changes=form.cleaned_data, by=actor_for(request), now=timezone.now())
        messages.success(request, _("振り分けの決まりを保存しました。") if changed else _("変わった項目はありません。"))
        return redirect("routing_rules")
    context = {
        "form": form,
        "rules": lines_of_rules(Tenant.objects.get(pk=tenant.pk)),
        "departments": Department.objects.filter(is_active=True).order_by("name"),
    }
    return render(request, "recipients/routing.html", context, status=INVALID if form.errors else 200)


@page(Permission.SETTINGS, methods=BOTH)
def department_rules(request: HttpRequest, public_id: UUID) -> HttpResponse:
    department: Department = get_object_or_404(Department.objects, public_id=public_id)
    tenant = Tenant.objects.get(pk=current_tenant_id())
    if request.method == "GET" and not department.has_own_rules:
        for name in RoutingForm.Meta.fields:  # a department that begins to differ begins with the office's rules
            setattr(department, name, getattr(tenant, name))
    form = DepartmentRoutingForm(request.POST or None, instance=department)
    if request.method == "POST" and form.is_valid():
        changed = services.change_department_rules(
            department=department, changes=form.cleaned_data, by=actor_for(request), now=timezone.now()
        )
        messages.success(request, _("振り分けの決まりを保存しました。") if changed else _("変わった項目はありません。"))
        return redirect("department_rules", public_id=public_id)
    saved = Department.objects.get(pk=department.pk)
    context = {"form": form, "department": saved, "rules": lines_of_rules(rules_in_force(tenant, saved))}
    return render(request, "recipients/routing.html", context, status=INVALID if form.errors else 200)
