"""Keys over the API."""

from __future__ import annotations

from typing import Any

from tenants.permissions import Role
from tests.conftest import Cast


def bearer(cast: Cast, role: Role = Role.ADMIN) -> dict[str, str]:
    return {"Authorization": f"Bearer {cast.keys[role]}"}


class TestKeys:
    def test_issues_lists_and_revokes(self, acme: Cast, client: Any) -> None:
        made = client.post(
            "/api/v1/keys", {"name": "連携", "role": "staff"}, content_type="application/json", headers=bearer(acme)
        )
        fresh = {"Authorization": f"Bearer {made.json()['token']}"}
        listed = client.get("/api/v1/keys", headers=bearer(acme)).json()
        gone = client.delete(f"/api/v1/keys/{made.json()['id']}", headers=bearer(acme))

        assert made.status_code == 201
        assert made.json()["id"] in [key["id"] for key in listed["results"]]
        assert all("token" not in key for key in listed["results"])
        assert gone.status_code == 204
        assert client.get("/api/v1/keys", headers=fresh).status_code == 401

    def test_wants_an_admins_key(self, acme: Cast, client: Any) -> None:
        assert client.get("/api/v1/keys").status_code == 401
        for role in (Role.STAFF, Role.APPROVER, Role.AUDITOR, Role.VIEWER):
            response = client.get("/api/v1/keys", headers=bearer(acme, role))
            assert (response.status_code, response.json()["code"]) == (403, "not_allowed")

    def test_keys_of_another_tenant_do_not_exist(self, acme: Cast, globex: Cast, client: Any) -> None:
        theirs = client.get("/api/v1/keys", headers=bearer(globex)).json()["results"][0]["id"]

        response = client.delete(f"/api/v1/keys/{theirs}", headers=bearer(acme))

        assert (response.status_code, response.json()["code"]) == (404, "not_found")
        assert client.get("/api/v1/keys", headers=bearer(globex)).status_code == 200

    def test_says_which_field_is_wrong(self, acme: Cast, client: Any) -> None:
        response = client.post(
            "/api/v1/keys",
            {"name": "", "role": "king", "department": "018f0000-0000-7000-8000-000000000000"},
            content_type="application/json",
            headers=bearer(acme),
        )

        assert response.status_code == 400
        assert set(response.json()["fields"]) == {"name", "role", "department"}


class TestShape:
    def test_every_refusal_has_the_one_shape(self, acme: Cast, client: Any) -> None:
        admin = bearer(acme)
        answers = [
            client.get("/api/v1/nowhere", headers=admin),
            client.put("/api/v1/keys", headers=admin),
            client.post("/api/v1/keys", "{", content_type="application/json", headers=admin),
            client.post("/api/v1/keys", "a=1", content_type="text/plain", headers=admin),
            client.get("/api/v1/keys?cursor=nonsense", headers=admin),
            client.get("/api/v1/keys"),
        ]

        assert [answer.status_code for answer in answers] == [404, 405, 400, 415, 400, 401]
        assert all({"code", "message"} <= set(answer.json()) for answer in answers)

    def test_beyond_the_rate_a_key_waits(self, acme: Cast, client: Any) -> None:
        acme.tenant.api_requests_per_s = 3
        acme.tenant.save()

        answers = [client.get("/api/v1/keys", headers=bearer(acme)) for _ in range(20)]

        assert answers[0].status_code == 200
        assert answers[-1].status_code == 429
        assert answers[-1].json()["code"] == "throttled"
        assert int(answers[-1]["Retry-After"]) >= 1

    def test_the_description_names_the_calls(self, client: Any, db: None) -> None:
        description = client.get("/api/v1/schema").json()

        assert {"/api/v1/keys", "/api/v1/keys/{public_id}"} <= set(description["paths"])
