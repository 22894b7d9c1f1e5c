"""Every form of a page was decided about: it makes something, and makes it once, or it may be repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

REPEATABLE: Final = {
    # sets what is set already
    *("settings", "settings_retention", "settings_networks", "department_state", "person_state", "move_role"),
    *("routing_rules", "department_rules", "roster_mapping", "roster_families", "set_language"),
    *("campaign_edit", "template", "template_archive"),
    # moves on from one state, which is over the second time
    *("campaign_send", "campaign_ask", "campaign_approve", "campaign_pause", "campaign_resume", "campaign_cancel"),
    *("decide_again", "decide_sent", "roster_confirm", "roster_row", "opt_out_end", "free_batch", "see_incident"),
    *("take_role", "reset_factors", "revoke_invitation", "revoke_key", "factor_remove", "recovery_codes"),
    *("own_sessions", "account_logout", "account_change_password"),
    # a code, a challenge or a link that serves once
    *("factor_first", "factor_app", "factor_keys", "invitation", "account_login", "mfa_authenticate"),
    *("account_reset_password", "account_reset_password_from_key"),
    # looks only
    *("consents", "opt_outs", "people", "person", "message", "campaign_preview", "template_preview", "account_signup"),
    # a carrier's, with its own protection
    "carrier_receipts",
}
ONCE: Final = {
    *("campaign_new", "roster_new", "template_new", "departments", "settings_people", "give_role", "settings_keys"),
    *("consent_add", "consents_import", "opt_out_add", "opt_outs_import", "templates_import"),
    *("roster_exclusions", "roster_mended", "call", "erase_person"),
}


def pages(patterns: list[Any]) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from pages(pattern.url_patterns)
        elif hasattr(pattern.callback, "is_once"):
            yield pattern


class TestForms:
    def test_make_things_once_or_may_be_repeated(self) -> None:
        found = {pattern.name: pattern.callback for pattern in pages(list(get_resolver().url_patterns))}
        takes_forms = {name for name, page in found.items() if "POST" in page.methods}

        assert {name for name in takes_forms if found[name].is_once} == ONCE
        assert takes_forms - ONCE == REPEATABLE

    def test_that_htmx_sends_too_have_no_button_with_an_address(self) -> None:
        """htmx sends to the address of the button that was pressed last: a preview would be sent where things are made."""
        templates = [path.read_text() for path in Path(settings.BASE_DIR).glob("*/templates/**/*.html")]
        forms = [form for text in templates for form in re.findall(r"<form\b.*?</form>", text, re.DOTALL)]
        shared = [form for form in forms if "hx-post" in form]

        assert shared
        assert not [form for form in shared if "formaction" in form]
