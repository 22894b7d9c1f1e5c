"""Templates in the browser and over the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from templates_sms.models import MessageTemplate
from tenants.permissions import Role
from tests.app.templates_sms.test_services import TEXT, make
from tests.conftest import Cast

SignIn = Callable[[Any], Any]


@pytest.fixture
def browser(acme: Cast, signed_in: SignIn) -> Any:
    return signed_in(acme.users[Role.STAFF])


def words(response: Any) -> str:
    return str(response.content.decode())


def call(key: str, method: str, path: str, body: Any = None) -> Any:
    client = Client(headers={"Authorization": f"Bearer {key}"})
    return client.generic(method, f"/api/v1{path}", orjson.dumps(body), content_type="application/json")


class TestPages:
    def test_make_change_and_put_away_a_template(self, acme: Cast, browser: Any) -> None:
        made = browser.post("/templates/new", {"name": "終了", "kind": "notice", "text": "一行目\r\n{{氏名|様}}"})
        assert made.status_code == 302
        with acme.scope():
            template = MessageTemplate.objects.get()
            assert template.versions.get().text == "一行目\n{{氏名|様}}"
        assert "終了" in words(browser.get("/templates"))
        address = f"/templates/{template.public_id}"
        assert "港　花子様" in words(browser.get(address))

        browser.post(address, {"name": "終了", "kind": "notice", "text": "別"})
        browser.post(f"{address}/archive")

        assert browser.get(address).status_code == 404
        with acme.scope():
            template.refresh_from_db()
            assert template.current == 2

    @pytest.mark.parametrize("text", ["", "{{氏名|殿}}"])
    def test_keep_what_was_typed_when_it_is_refused(self, acme: Cast, browser: Any, text: str) -> None:
        answer = browser.post("/templates/new", {"name": "終了", "kind": "notice", "text": text})

        assert answer.status_code == 422
        assert 'value="終了"' in words(answer)
        with acme.scope():
            assert not MessageTemplate.objects.exists()

    def test_preview_with_and_without_a_script(self, acme: Cast, browser: Any) -> None:
        fragment = words(browser.post("/templates/preview", {"text": TEXT}))
        page = browser.post("/templates/new", {"name": "", "text": TEXT, "preview": "1"})

        assert "港　花子様の療養は8月20日(土)まで" in fragment
        assert "<html" not in fragment
        assert page.status_code == 200
        assert "港　花子様の療養は8月20日(土)まで" in words(page)
        with acme.scope():
            assert not MessageTemplate.objects.exists()

    def test_run_no_template_language_on_a_text(self, acme: Cast, browser: Any) -> None:
        text = "{% raise %}{{氏名.__class__}}<b>{{7*7}}</b>"

        fragment = words(browser.post("/templates/preview", {"text": text}))

        assert "{% raise %}" in fragment
        assert "&lt;b&gt;" in fragment
        assert "49" not in fragment

    def test_export_and_import(self, acme: Cast, browser: Any) -> None:
        with acme.scope():
            make(acme, name="=1+1")
        exported = browser.get("/templates/export.csv").content.decode("utf-8-sig")
        assert "'=1+1" in exported
        changed = exported.replace("まで", "まで（変更）") + "新規,お知らせ,こんにちは\r\n"

        answer = browser.post(
            "/templates/import", {"file": SimpleUploadedFile("x.csv", changed.encode("cp932"))}, follow=True
        )

        assert "2件の文面を取り込みました" in words(answer)
        with acme.scope():
            versions = dict(MessageTemplate.objects.values_list("name", "current"))
        assert versions == {"=1+1": 2, "新規": 1}

    def test_import_nothing_where_a_text_is_refused(self, acme: Cast, browser: Any) -> None:
        content = "名前,文面\r\n一,こんにちは\r\n二,{{氏名|殿}}\r\n"

        answer = browser.post("/templates/import", {"file": SimpleUploadedFile("x.csv", content.encode())})

        assert answer.status_code == 422
        assert "2件目" in words(answer)
        with acme.scope():
            assert not MessageTemplate.objects.exists()

    def test_may_be_read_by_viewers_and_not_by_other_tenants(self, acme: Cast, globex: Cast, signed_in: SignIn) -> None:
        with acme.scope():
            template = make(acme)
        address = f"/templates/{template.public_id}"

        viewer = signed_in(acme.users[Role.VIEWER])
        assert viewer.get(address).status_code == 200
        assert viewer.post(f"{address}/archive").status_code == 403
        assert viewer.post(address, {"name": "x", "kind": "notice", "text": "x"}).status_code == 403
        stranger = signed_in(globex.users[Role.ADMIN])
        assert stranger.get(address).status_code == 404
        assert stranger.post(f"{address}/archive").status_code == 404


class TestApi:
    def test_makes_reads_changes_and_previews(self, acme: Cast) -> None:
        key = acme.keys[Role.STAFF]

        created = call(key, "POST", "/templates", {"name": "終了", "text": TEXT})

        assert created.status_code == 201
        body = created.json()
        assert body["placeholders"] == ["氏名", "療養終了日"]
        assert body["version"] == 1
        path = f"/templates/{body['id']}"
        assert call(key, "PATCH", path, {"text": "別 {{氏名}}"}).json()["version"] == 2
        assert [found["id"] for found in call(key, "GET", "/templates").json()["results"]] == [body["id"]]
        preview = call(key, "POST", f"{path}/preview", {"values": {"氏名": "山田"}})
        assert (preview.json()["text"], preview.json()["parts"]) == ("別 山田", 1)
        missing = call(key, "POST", f"{path}/preview", {"values": {"名": "山田"}})
        assert (missing.status_code, missing.json()["code"]) == (400, "unknown_placeholder")

    @pytest.mark.parametrize("body", [{}, {"name": "x"}, {"name": "x", "text": ""}, {"name": "x", "text": "{{a|b}}"}])
    def test_refuses_what_is_no_template(self, acme: Cast, body: Any) -> None:
        assert call(acme.keys[Role.STAFF], "POST", "/templates", body).status_code == 400

    def test_refuses_viewers_and_hides_other_tenants(self, acme: Cast, globex: Cast) -> None:
        with acme.scope():
            template = make(acme)
        path = f"/templates/{template.public_id}"

        assert call(acme.keys[Role.VIEWER], "POST", "/templates", {"name": "x", "text": "x"}).status_code == 403
        assert call(acme.keys[Role.VIEWER], "GET", path).status_code == 200
        for method in ("GET", "PATCH", "DELETE"):
            assert call(globex.keys[Role.ADMIN], method, path, {"name": "x"}).status_code == 404
