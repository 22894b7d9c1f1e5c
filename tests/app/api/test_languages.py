"""Japanese first, English by the switch."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.django_db


class TestLanguage:
    @pytest.mark.parametrize("asked", ["", "en-US,en;q=0.9", "ja", "fr, *;q=0.1", "\x00"])
    def test_is_japanese_whatever_the_browser_asks_for(self, client: Any, asked: str) -> None:
        response = client.get("/account/login", headers={"Accept-Language": asked})

        assert response.headers["Content-Language"] == "ja"
        assert "ログイン" in response.content.decode()

    def test_is_english_after_the_switch_until_it_is_switched_back(self, client: Any) -> None:
        client.post("/language", {"language": "en", "next": "/account/login"})
        english = client.get("/account/login")
        client.post("/language", {"language": "ja", "next": "/account/login"})

        assert '<html lang="en">' in english.content.decode()
        assert "Log in" in english.content.decode()
        assert client.get("/account/login").headers["Content-Language"] == "ja"

    @pytest.mark.parametrize("language", ["xx", "", "../../etc", "en\r\nX: y"])
    def test_stays_japanese_for_a_language_that_is_not_there(self, client: Any, language: str) -> None:
        client.post("/language", {"language": language, "next": "/account/login"})

        assert client.get("/account/login").headers["Content-Language"] == "ja"

    def test_the_switch_leads_to_no_other_site(self, client: Any) -> None:
        response = client.post("/language", {"language": "en", "next": "https://evil.example/"})

        assert "evil" not in response["Location"]
