"""docs/reference/rights.md, from tenants/permissions.py."""

from __future__ import annotations

from config.reference.markdown import code, page, table
from tenants.permissions import OPERATOR_PERMISSIONS, ROLE_TABLE, Permission, Role


def rights_page() -> str:
    return page(
        "Rights",
        "Which role may do what, from `tenants/permissions.py`. A role is given in one department or in the whole tenant, and a "
        "person may hold several. Operators belong to no tenant and see no tenant's rows. Every route declares one permission; "
        "services ask again for the department of what they touch.",
        table(_head(), [_row(permission) for permission in Permission]),
    )


def _head() -> list[str]:
    return ["permission", *(f"{code(role.value)} {role.label}" for role in Role), "operator"]


def _row(permission: Permission) -> list[str]:
    if permission is Permission.PUBLIC:
        return [code(permission), *("yes" for _role in Role), "yes"]
    roles = ("yes" if permission in ROLE_TABLE[role] else "" for role in Role)
    return [code(permission), *roles, "yes" if permission in OPERATOR_PERMISSIONS else ""]
