"""Who knocks: people of each role and department, with a browser and a key."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.utils import timezone

from tenants.actors import Actor
from tenants.models import Department, Membership, User
from tenants.permissions import Role
from tenants.selectors import actor_of
from tenants.services import issue_api_key
from tests.conftest import Cast, sign_in


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a session and a key; ``actor`` is None for nobody."""

    name: str
    browser: Client
    key: str = ""
    actor: Actor | None = None

    def ask(self, method: str, address: str, body: Any = None, **headers: str) -> Any:
        """By the key where the address is the API's, else by the browser, which forgets what the answer did to it."""
        if not address.startswith("/api/"):
            return self._by_browser(method, address, body, headers)
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        data = {} if method in {"GET", "DELETE"} else {"data": body if body is not None else "{}"}
        return new_browser().generic(method, address, content_type="application/json", headers=headers, **data)

    def _by_browser(self, method: str, address: str, body: Any, headers: dict[str, str]) -> Any:
        cookies = copy.deepcopy(self.browser.cookies)
        try:
            if method == "POST":
                return self.browser.post(address, body or {}, headers=headers)
            return self.browser.generic(method, address, headers=headers)
        finally:
            self.browser.cookies = cookies


def new_browser() -> Client:
    return Client(raise_request_exception=False)


def browser_of(user: User) -> Client:
    """A session as it is after password and second factor."""
    browser: Client = sign_in(new_browser(), user)
    return browser


def nobody() -> Caller:
    return Caller(name="nobody", browser=new_browser())


def operator() -> Caller:
    user = User.objects.create_user(email="op@todoke.example", password="x" * 16, name="op", is_operator=True)
    return Caller(name="operator", browser=browser_of(user), actor=actor_of(user))


def member(cast: Cast, role: Role) -> Caller:
    """One of the cast, with the key of that role (which covers the whole tenant)."""
    user = cast.users[role]
    return Caller(
        name=f"{cast.tenant.name} {role}", browser=browser_of(user), key=cast.keys[role], actor=actor_of(user)
    )


def joined(cast: Cast, name: str, *roles: tuple[Role, Department | None]) -> Caller:
    """Somebody new with these roles; the key has the first of them."""
    with cast.scope():
        user = User.objects.create_user(
            email=f"{name}@x.example", password="x" * 16, name=name, tenant_id=cast.tenant.pk
        )
        for role, department in roles:
            Membership.objects.create(user=user, department=department, role=role)
        role, department = roles[0]
        issued = issue_api_key(owner=user, name=name, role=role, department=department, by=None, now=timezone.now())
    return Caller(name=name, browser=browser_of(user), key=issued.token, actor=actor_of(user))
