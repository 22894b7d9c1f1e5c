"""Who acts: a person in a tenant, through the browser or through one of their API keys."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tenants.errors import NotAllowed
from tenants.permissions import OPERATOR_PERMISSIONS, ROLE_TABLE, Permission


@dataclass(frozen=True, slots=True)
class Actor:
    """The ``by`` of every service. ``department_ids`` is None for a role that covers the whole tenant.

    ``asking`` is the permission that the route asked for: what this person may list is bounded by the departments of
    the roles that grant it, so that a viewer here who is an admin there reads no rosters here.
    """

    user_id: int
    name: str
    tenant_id: int | None
    roles: tuple[tuple[str, int | None], ...]  # (role, department id or None for all)
    is_operator: bool = False
    api_key_id: int | None = None
    api_key_name: str = ""
    asking: Permission | None = None

    def for_permission(self, permission: Permission) -> Actor:
        """The same person, seeing the departments where a role grants ``permission``."""
        return replace(self, asking=permission)

    @property
    def permissions(self) -> frozenset[Permission]:
        granted: frozenset[Permission] = OPERATOR_PERMISSIONS if self.is_operator else frozenset()
        for role, _ in self.roles:
            granted |= ROLE_TABLE[role]
        return granted

    @property
    def department_ids(self) -> frozenset[int] | None:
        """The departments this person sees; None means all of the tenant's."""
        departments = {
            department_id
            for role, department_id in self.roles
            if self.asking is None or self.asking in ROLE_TABLE[role]
        }
        return None if None in departments else frozenset(d for d in departments if d is not None)

    def may(self, permission: Permission, *, department_id: int | None = None) -> bool:
        """Whether a role that covers ``department_id`` grants ``permission``."""
        if permission is Permission.PUBLIC:
            return True
        if self.is_operator and permission in OPERATOR_PERMISSIONS:
            return True
        return any(
            permission in ROLE_TABLE[role] and (covered is None or department_id is None or covered == department_id)
            for role, covered in self.roles
        )

    def must(self, permission: Permission, *, department_id: int | None = None) -> None:
        """Raises ``NotAllowed``."""
        if not self.may(permission, department_id=department_id):
            raise NotAllowed

    def must_place(self, permission: Permission, *, department_id: int | None) -> None:
        """To make something new there; what belongs to no department only somebody of the whole tenant may make.

        Raises ``NotAllowed``.
        """
        self.must(permission, department_id=department_id)
        if department_id is None and self.for_permission(permission).department_ids is not None:
            raise NotAllowed

    @property
    def home_id(self) -> int | None:
        """The department that what this person does belongs to: theirs, or none for people of the whole tenant."""
        return min(self.department_ids) if self.department_ids else None

    @property
    def only_department_id(self) -> int | None:
        """Their department, where they work in one only."""
        departments = self.department_ids or frozenset()
        return next(iter(departments)) if len(departments) == 1 else None

    def sees(self, department_id: int | None) -> bool:
        departments = self.department_ids
        return departments is None or department_id is None or department_id in departments
