"""The way in: password, second factor, limits, and what a session proves."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
import redis
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from tenants.account import attempts, factors
from tenants.account.devices import COOKIE
from tenants.models import AuditEvent, RecoveryCode, Session, User
from tenants.permissions import Role
from tenants.tasks import tidy_door
from tests import totp
from tests.conftest import Cast, sign_in

PASSWORD = "x" * 16


def enter_password(browser: Client, email: str, password: str = PASSWORD, **options: Any) -> Any:
    return browser.post("/account/login", {"login": email, "password": password}, **options)


def enter_code(browser: Client, code: str) -> Any:
    return browser.post("/account/code", {"code": code})


def log_in(browser: Client, cast: Cast, role: Role, *, step: int = 0) -> Any:
    enter_password(browser, cast.users[role].email)
    return enter_code(browser, totp.code_at(cast.totp_secrets[role], time.time() + step * totp.PERIOD_S))


def is_in(browser: Client) -> bool:
    return browser.get("/").status_code == 200


@pytest.fixture
def staff(acme: Cast) -> User:
    return acme.users[Role.STAFF]


class TestPasswordAndCode:
    def test_lead_in(self, acme: Cast, staff: User, client: Client) -> None:
        response = enter_password(client, staff.email.upper())
        assert (response.status_code, response["Location"]) == (302, "/account/code")
        assert 'name="code"' in client.get("/account/code").content.decode()

        response = enter_code(client, totp.current_code(acme.totp_secrets[Role.STAFF]))

        assert (response.status_code, response["Location"]) == (302, "/")
        assert is_in(client)

    def test_lead_to_the_page_that_was_asked_for(self, acme: Cast, staff: User, client: Client) -> None:
        assert client.get("/rosters")["Location"] == "/account/login?next=/rosters"
        client.post("/account/login?next=/rosters", {"login": staff.email, "password": PASSWORD, "next": "/rosters"})

        response = enter_code(client, totp.current_code(acme.totp_secrets[Role.STAFF]))

        assert response["Location"] == "/rosters"

    def test_a_password_alone_opens_nothing(self, acme: Cast, staff: User, client: Client) -> None:
        enter_password(client, staff.email)

        for address in ("/", "/rosters", "/account/sessions", "/account/factors", "/account/factors/app"):
            assert client.get(address)["Location"].startswith("/account/login"), address

    def test_a_wrong_code_opens_nothing(self, acme: Cast, staff: User, client: Client) -> None:
        enter_password(client, staff.email)

        response = enter_code(client, totp.code_at(acme.totp_secrets[Role.STAFF], time.time() - 600))

        assert response.status_code == 422
        assert "コードが違います" in response.content.decode()
        assert not is_in(client)

    @pytest.mark.parametrize("step", [-1, 1])
    def test_a_phone_may_be_half_a_minute_off(self, acme: Cast, staff: User, client: Client, step: int) -> None:
        totp.wait_for_room()
        log_in(client, acme, Role.STAFF, step=step)

        assert is_in(client)

    def test_a_code_may_be_typed_in_full_width_with_a_gap(self, acme: Cast, staff: User, client: Client) -> None:
        code = totp.current_code(acme.totp_secrets[Role.STAFF])
        enter_password(client, staff.email)

        enter_code(client, f"{code[:3]} {code[3:]}".translate({ord("0") + n: chr(ord("０") + n) for n in range(10)}))

        assert is_in(client)

    def test_a_code_opens_once_even_when_broker_and_cache_are_flushed(
        self, acme: Cast, staff: User, client: Client
    ) -> None:
        code = totp.current_code(acme.totp_secrets[Role.STAFF])
        enter_password(client, staff.email)
        enter_code(client, code)
        with redis.Redis.from_url(settings.REDIS_URL) as broker:
            broker.flushall()
        cache.clear()

        second = Client()
        enter_password(second, staff.email)
        response = enter_code(second, code)

        assert "もう使われました" in response.content.decode()
        assert is_in(client)
        assert not is_in(second)

    def test_are_written_down(self, acme: Cast, staff: User, client: Client) -> None:
        enter_password(client, staff.email, "wrong")
        log_in(client, acme, Role.STAFF)

        with acme.scope():
            acts = list(AuditEvent.objects.filter(object_id=str(staff.pk)).order_by("id"))
        assert [(act.action, act.user_id) for act in acts] == [
            ("log_in.failed", None),
            ("log_in.succeeded", staff.pk),
        ]
        with acme.scope():
            assert acts[1].personal["address"] == "127.0.0.1"

    def test_the_secret_stands_nowhere_in_clear(self, acme: Cast, staff: User) -> None:
        stored = str(Authenticator.objects.get(user=staff).data)

        assert acme.totp_secrets[Role.STAFF] not in stored

    def test_a_person_who_left_does_not_come_in(self, acme: Cast, staff: User, client: Client) -> None:
        log_in(client, acme, Role.STAFF)
        User.objects.filter(pk=staff.pk).update(is_active=False)

        assert not is_in(client)
        late = Client()
        log_in(late, acme, Role.STAFF, step=1)
        assert not is_in(late)


class TestLimits:
    def use_up(self, email: str, address: str, times: int = 30) -> None:
        for _ in range(times):
            enter_password(Client(), email, "wrong", REMOTE_ADDR=address)

    def test_wrong_passwords_stop_the_right_one_from_there_and_not_from_elsewhere(
        self, acme: Cast, staff: User
    ) -> None:
        self.use_up(staff.email, "203.0.113.9", times=6)

        refused = enter_password(Client(), staff.email, REMOTE_ADDR="203.0.113.9")
        assert "しばらく受け付けません" in refused.content.decode()
        elsewhere = enter_password(Client(), staff.email, REMOTE_ADDR="198.51.100.7")
        assert elsewhere.status_code == 302

    def test_an_attack_from_everywhere_stops_strangers_and_not_a_known_browser(
        self, acme: Cast, staff: User, client: Client
    ) -> None:
        log_in(client, acme, Role.STAFF)
        client.post("/account/logout")
        for number in range(30):
            self.use_up(staff.email, f"203.0.113.{number}", times=1)

        assert enter_password(Client(), staff.email, REMOTE_ADDR="198.51.100.7").status_code == 200
        assert enter_password(client, staff.email).status_code == 302

    def test_the_link_of_a_forgotten_password_opens_a_way_in_under_attack(self, acme: Cast, staff: User) -> None:
        for number in range(30):
            self.use_up(staff.email, f"203.0.113.{number}", times=1)
        victim = Client()
        assert enter_password(victim, staff.email).status_code == 200

        victim.post("/account/password/reset", {"email": staff.email})
        link = re.search(r"https?://[^/]+(/account/password/reset/key/\S+)", mail.outbox[-1].body)
        assert link
        form = victim.get(link[1], follow=True).redirect_chain[-1][0]
        victim.post(form, {"password1": "sakura-hokenjo-kaze", "password2": "sakura-hokenjo-kaze"})

        assert enter_password(victim, staff.email, "sakura-hokenjo-kaze").status_code == 302
        assert enter_password(Client(), staff.email, "sakura-hokenjo-kaze").status_code == 200

    def test_an_allowance_fills_up_again(self, acme: Cast, staff: User) -> None:
        self.use_up(staff.email, "203.0.113.9", times=8)
        assert enter_password(Client(), staff.email, REMOTE_ADDR="203.0.113.9").status_code == 200

        with connection.cursor() as cursor:
            cursor.execute("UPDATE tenants_attempt SET free_at = free_at - interval '2 minutes'")

        assert enter_password(Client(), staff.email, REMOTE_ADDR="203.0.113.9").status_code == 302

    def test_right_passwords_use_nothing_up(self, acme: Cast, staff: User) -> None:
        for _ in range(12):
            assert enter_password(Client(), staff.email).status_code == 302

    def test_wrong_codes_stop_the_right_one_and_never_a_recovery_code(
        self, acme: Cast, staff: User, client: Client
    ) -> None:
        codes = factors.make_recovery_codes(user=staff, now=timezone.now())
        enter_password(client, staff.email)
        for _ in range(6):
            enter_code(client, "000000")

        enter_code(client, totp.current_code(acme.totp_secrets[Role.STAFF]))
        assert not is_in(client)

        enter_code(client, codes[0].lower())
        assert is_in(client)

    def test_no_address_and_no_name_stands_in_their_table(self, acme: Cast, staff: User) -> None:
        self.use_up(staff.email, "203.0.113.9", times=1)

        with connection.cursor() as cursor:
            cursor.execute("SELECT key_hash FROM tenants_attempt")
            keys = [bytes(key) for (key,) in cursor.fetchall()]
        assert keys
        assert all(len(key) == 16 for key in keys)

    def test_two_at_once_both_count(self, db: None) -> None:
        bucket = attempts.Bucket(attempts.Limit("test", burst=3, every_s=60), "somebody")

        assert [attempts.take([bucket]) for _ in range(5)] == [True, True, True, False, False]

    def test_a_refusal_takes_from_none(self, db: None) -> None:
        used_up = attempts.Bucket(attempts.Limit("small", burst=1, every_s=60), "somebody")
        roomy = attempts.Bucket(attempts.Limit("roomy", burst=2, every_s=60), "somebody")
        attempts.take([used_up])

        for _ in range(5):
            assert not attempts.take([used_up, roomy])

        assert [attempts.take([roomy]) for _ in range(3)] == [True, True, False]


class TestRecoveryCodes:
    def test_are_kept_as_hashes_and_open_once(self, acme: Cast, staff: User) -> None:
        codes = factors.make_recovery_codes(user=staff, now=timezone.now())
        plain = codes[0].replace("-", "")
        assert len(codes) == 10
        assert all(plain.encode() not in bytes(code.code_hash) for code in RecoveryCode.objects.all())

        for is_expected in (True, False):
            browser = Client()
            enter_password(browser, staff.email)
            enter_code(browser, codes[0])
            assert is_in(browser) is is_expected

    def test_of_another_person_open_nothing(self, acme: Cast, staff: User, client: Client) -> None:
        codes = factors.make_recovery_codes(user=acme.users[Role.ADMIN], now=timezone.now())
        enter_password(client, staff.email)

        enter_code(client, codes[0])

        assert not is_in(client)


class TestFirstFactor:
    @pytest.fixture
    def fresh(self, acme: Cast, staff: User, client: Client) -> Client:
        """The browser of somebody who has a password and no factor, after the password."""
        Authenticator.objects.all().delete()
        enter_password(client, staff.email)
        return client

    def secret_on(self, page: str) -> str:
        found = re.search(r'<code class="code">([A-Z2-7 ]+)</code>', page)
        assert found
        return found[1].replace(" ", "")

    def test_comes_before_anything_else(self, fresh: Client) -> None:
        for address in ("/", "/rosters", "/account/sessions", "/account/password/change"):
            assert fresh.get(address)["Location"].startswith("/account/factors/first?next="), address
        assert fresh.post("/account/factors/app", {"code": "1"})["Location"].startswith("/account/factors/first")

    def test_is_set_up_by_its_first_code(self, fresh: Client, staff: User) -> None:
        secret = self.secret_on(fresh.get("/account/factors/first?next=/rosters").content.decode())

        response = fresh.post("/account/factors/first", {"code": totp.current_code(secret), "next": "/rosters"})

        page = response.content.decode()
        assert len(re.findall(r"<code>[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}</code>", page)) == 10
        assert 'href="/rosters"' in page
        assert is_in(fresh)
        assert factors.factors_of(staff).recovery_codes == 10

    def test_a_wrong_first_code_keeps_the_secret_that_the_phone_has(self, fresh: Client) -> None:
        secret = self.secret_on(fresh.get("/account/factors/first").content.decode())

        response = fresh.post("/account/factors/first", {"code": "123"})

        assert response.status_code == 422
        assert self.secret_on(response.content.decode()) == secret

    def test_its_secret_does_not_stand_in_the_session(self, fresh: Client) -> None:
        secret = self.secret_on(fresh.get("/account/factors/first").content.decode())

        assert secret not in str(dict(fresh.session))

    def test_is_not_offered_to_who_has_one(self, acme: Cast, staff: User, client: Client) -> None:
        client.force_login(staff)

        response = client.get("/account/factors/first")

        assert response["Location"] == "/account/login"
        assert not Session.objects.filter(user=staff).exists()

    def test_a_stranger_is_sent_to_the_log_in(self, db: None, client: Client) -> None:
        assert client.get("/account/factors/first")["Location"].startswith("/account/login")


class TestChanges:
    @pytest.fixture
    def browsers(self, acme: Cast, staff: User) -> tuple[Client, Client]:
        """The same person at two desks."""
        here, there = Client(), Client()
        log_in(here, acme, Role.STAFF)
        log_in(there, acme, Role.STAFF, step=1)
        assert is_in(here)
        assert is_in(there)
        return here, there

    def test_of_the_password_end_every_session(self, browsers: tuple[Client, Client], staff: User) -> None:
        here, there = browsers

        here.post(
            "/account/password/change",
            {"oldpassword": PASSWORD, "password1": "sakura-hokenjo-kaze", "password2": "sakura-hokenjo-kaze"},
        )

        staff.refresh_from_db()
        assert staff.check_password("sakura-hokenjo-kaze")
        assert not is_in(here)
        assert not is_in(there)

    def test_of_the_app_end_every_session(self, browsers: tuple[Client, Client]) -> None:
        here, there = browsers
        secret = TestFirstFactor().secret_on(here.get("/account/factors/app").content.decode())

        here.post("/account/factors/app", {"code": totp.current_code(secret)})

        assert not is_in(here)
        assert not is_in(there)

    def test_of_the_recovery_codes_end_every_session(self, browsers: tuple[Client, Client]) -> None:
        here, there = browsers

        response = here.post("/account/factors/recovery-codes")

        assert "予備コードを保管してください" in response.content.decode()
        assert not is_in(here)
        assert not is_in(there)

    def test_the_last_factor_stays(self, browsers: tuple[Client, Client], staff: User) -> None:
        here, _ = browsers
        app = Authenticator.objects.get(user=staff)

        here.post(f"/account/factors/{app.pk}/remove")

        assert Authenticator.objects.filter(pk=app.pk).exists()
        assert is_in(here)

    def test_nobody_removes_anothers(self, acme: Cast, browsers: tuple[Client, Client]) -> None:
        other = Authenticator.objects.get(user=acme.users[Role.ADMIN])

        assert browsers[0].post(f"/account/factors/{other.pk}/remove").status_code == 404

    def test_by_the_link_of_a_forgotten_password_end_every_session(
        self, browsers: tuple[Client, Client], staff: User
    ) -> None:
        stranger = Client()
        stranger.post("/account/password/reset", {"email": staff.email})
        link = re.search(r"https?://[^/]+(/account/password/reset/key/\S+)", mail.outbox[0].body)
        assert link

        form = stranger.get(link[1], follow=True).redirect_chain[-1][0]
        new = {"password1": "sakura-hokenjo-kaze", "password2": "sakura-hokenjo-kaze"}
        stranger.post(form, new)

        staff.refresh_from_db()
        assert staff.check_password(new["password1"])
        assert not is_in(browsers[0])
        assert not is_in(stranger)


class TestLostFactors:
    def test_are_reset_by_an_admin_and_set_up_anew_after_the_password(
        self, acme: Cast, staff: User, client: Client
    ) -> None:
        factors.make_recovery_codes(user=staff, now=timezone.now())
        log_in(client, acme, Role.STAFF)
        admin = sign_in(Client(), acme.users[Role.ADMIN])

        assert admin.post("/settings/people/reset-factors", {"person": staff.pk}).status_code == 302

        assert not is_in(client)
        assert factors.factors_of(staff) == factors.Factors(app=None, security_keys=(), recovery_codes=0)
        enter_password(client, staff.email)
        assert client.get("/")["Location"].startswith("/account/factors/first")
        with acme.scope():
            assert AuditEvent.objects.get(action="factor.reset").user_id == acme.users[Role.ADMIN].pk

    @pytest.mark.parametrize("role", [Role.STAFF, Role.APPROVER, Role.AUDITOR, Role.VIEWER])
    def test_are_reset_by_nobody_else(self, acme: Cast, role: Role) -> None:
        victim = acme.users[Role.ADMIN]

        response = sign_in(Client(), acme.users[role]).post("/settings/people/reset-factors", {"person": victim.pk})

        assert response.status_code == 403
        assert factors.factors_of(victim).has_any

    def test_of_another_tenant_are_out_of_reach(self, acme: Cast, globex: Cast) -> None:
        victim = globex.users[Role.STAFF]

        response = sign_in(Client(), acme.users[Role.ADMIN]).post(
            "/settings/people/reset-factors", {"person": victim.pk}
        )

        assert response.status_code == 404
        assert factors.factors_of(victim).has_any

    def test_of_ones_own_are_not_reset_without_the_factor(self, acme: Cast) -> None:
        admin = acme.users[Role.ADMIN]

        sign_in(Client(), admin).post("/settings/people/reset-factors", {"person": admin.pk})

        assert factors.factors_of(admin).has_any

    def test_of_the_only_admin_are_reset_by_a_command(self, acme: Cast) -> None:
        admin = acme.users[Role.ADMIN]

        call_command("reset_factors", admin.email.upper())

        assert not factors.factors_of(admin).has_any
        with acme.scope():
            assert AuditEvent.objects.get(action="factor.reset").user_id is None


class TestOwnSessions:
    def test_lists_and_ends_them(self, acme: Cast, staff: User) -> None:
        here = Client(headers={"user-agent": "Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36"})
        there = Client(headers={"user-agent": "Mozilla/5.0 (iPhone) Version/18 Safari/604.1"})
        log_in(here, acme, Role.STAFF)
        log_in(there, acme, Role.STAFF, step=1)

        page = here.get("/account/sessions").content.decode()
        assert "Chrome（Windows）" in page
        assert "Safari（iPhone）" in page
        assert "127.0.0.1" in page

        here.post("/account/sessions")
        assert is_in(here)
        assert not is_in(there)

    def test_of_another_person_are_not_ended(self, acme: Cast, staff: User, client: Client) -> None:
        log_in(client, acme, Role.STAFF)
        other = Client()
        log_in(other, acme, Role.ADMIN)
        row = Session.objects.get(user=acme.users[Role.ADMIN])

        client.post("/account/sessions", {"session": row.session_key})

        assert is_in(other)


class TestKnownBrowser:
    def test_a_forged_cookie_is_nobodys(self, acme: Cast, staff: User, client: Client) -> None:
        client.cookies[COOKIE] = f"{{'device': 'x', 'people': [{staff.pk}]}}:forged"

        assert enter_password(client, staff.email).status_code == 302


class TestTidying:
    def test_forgets_what_is_over_and_keeps_the_rest(self, acme: Cast, staff: User, client: Client) -> None:
        log_in(client, acme, Role.STAFF)
        enter_password(Client(), staff.email, "wrong")
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO tenants_attempt VALUES ('\\x00', now() - interval '1 second')")
            cursor.execute("SELECT count(*) FROM tenants_attempt WHERE free_at > clock_timestamp()")
            (held,) = cursor.fetchone()

        tidy_door()

        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM tenants_attempt")
            assert cursor.fetchone() == (held,)
        assert held > 0
        assert is_in(client)
