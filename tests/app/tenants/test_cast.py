"""The cast that tests are given is the one that the services make."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.apps import apps

from tenants.models import TenantOwned, User
from tests.conftest import Cast, make_cast


def rows_of(cast: Cast) -> dict[str, int]:
    """How many it has, by table."""
    owned = [model for model in apps.get_models() if issubclass(model, TenantOwned)]
    with cast.scope():
        counts = {model.__name__: model._default_manager.count() for model in owned}
    people = User.objects.filter(tenant_id=cast.tenant.pk)
    return counts | {"User": people.count(), "Authenticator": Authenticator.objects.filter(user__in=people).count()}


def test_has_the_same_rows_as_one_that_was_just_made(acme: Cast, globex: Cast) -> None:
    made = rows_of(make_cast("initech"))

    assert made["ApiKey"] == made["User"] == made["Authenticator"] == len(acme.users)
    assert rows_of(acme) == rows_of(globex) == made
