"""Before a mass send and before rights change, the factor is asked for again, on the spot.

The page that asks carries every field of the form that was sent, so that nothing is lost and nothing of it is stored:
with the right code the same request goes on.
"""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from tenants.account import factors
from tenants.account.forms import CredentialField, check_code, check_key, code_field, key_question
from tenants.models import User

CODE, CREDENTIAL = "factor_code", "factor_credential"
NOT_CARRIED = frozenset({CODE, CREDENTIAL, "csrfmiddlewaretoken"})
INVALID = 422


class ProofWanted(Exception):
    """Raised by a view, before it changes anything: this act wants a factor proved just now. ``page`` asks for it."""

    def __init__(self, page: HttpResponse) -> None:
        self.page = page
        super().__init__()


class ProofForm(forms.Form):
    factor_code = code_field()
    factor_credential = CredentialField(required=False)

    def __init__(self, *args: object, user: User, **options: object) -> None:
        self.user = user
        super().__init__(*args, **options)  # type: ignore[arg-type]
        code = self.fields[CODE]
        code.required = not self.data.get(CREDENTIAL)  # a security key stands in for it
        code.error_messages["required"] = _("確認コードを入力してください。")

    def clean(self) -> dict[str, object]:
        given: dict[str, object] = super().clean() or {}
        if self.errors:
            return given
        try:
            self._prove(given)
        except ValidationError as error:
            self.add_error(CODE, error)
        return given

    def _prove(self, given: dict[str, object]) -> None:
        credential = given.get(CREDENTIAL)
        if isinstance(credential, dict):
            check_key(self.user, credential)
        else:
            check_code(self.user, str(given[CODE]))


def must_be_fresh(request: HttpRequest) -> None:
    """For a view that learns only from its data whether the act wants it. Raises ``ProofWanted``."""
    wanted = demand_proof(request)
    if wanted is not None:
        raise ProofWanted(wanted)


def demand_proof(request: HttpRequest) -> HttpResponse | None:
    """None when this request carries the factor that was asked for or the session proved it lately; else the page."""
    if factors.is_proof_fresh(request):
        return None
    if not NOT_CARRIED & {CODE, CREDENTIAL} & request.POST.keys():
        return ask_for_proof(request)
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - the permission check came first
    form = ProofForm(request.POST, user=user)
    if not form.is_valid():
        return ask_for_proof(request, form=form)
    factors.remember_proof(request, user)
    return None


def ask_for_proof(request: HttpRequest, *, form: ProofForm | None = None) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - as above
    mine = factors.factors_of(user)
    context = {
        "form": form or ProofForm(user=user),
        "carried": [
            (name, value) for name in request.POST if name not in NOT_CARRIED for value in request.POST.getlist(name)
        ],
        "has_app": mine.app is not None,
        "key_options": key_question(user) if mine.security_keys else "",
    }
    response = render(request, "tenants/account/proof.html", context, status=INVALID if form else 200)
    if request.headers.get("HX-Request"):
        response["HX-Retarget"], response["HX-Reswap"] = "body", "innerHTML"
    return response
