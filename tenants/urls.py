"""The settings pages and the audit trail."""

from __future__ import annotations

from django.urls import path

from tenants import views

urlpatterns = [
    path("settings", views.rules, name="settings"),
    path("settings/departments", views.departments, name="departments"),
    path("settings/departments/<uuid:public_id>/state", views.department_state, name="department_state"),
    path("settings/people", views.people, name="settings_people"),
    path("settings/people/give-role", views.give_role, name="give_role"),
    path("settings/people/take-role", views.take_role, name="take_role"),
    path("settings/people/reset-factors", views.reset_factors, name="reset_factors"),
    path("settings/people/move-role", views.move_role, name="move_role"),
    path("settings/invitations/<uuid:public_id>/revoke", views.revoke_invitation, name="revoke_invitation"),
    path("settings/people/state", views.person_state, name="person_state"),
    path("settings/networks", views.networks, name="settings_networks"),
    path("settings/retention", views.retention, name="settings_retention"),
    path("settings/keys", views.keys, name="settings_keys"),
    path("settings/keys/<uuid:public_id>/revoke", views.revoke_key, name="revoke_key"),
    path("audit", views.audit, name="audit"),
    path("audit/file", views.audit_file, name="audit_file"),
]
