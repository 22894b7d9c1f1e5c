"""JSON APIs over TLS: each side shows who it is, and what is not trusted is refused with a reason and takes no text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from carriers.base import Outcome
from carriers.errors import Misconfigured, Unreachable
from carriers.providers.http_json.carrier import HttpJsonProvider
from tests.carriers.certificates import DAY, Files, Signed, asking_server, server_tls, sign
from tests.carriers.http_stub import Aggregator, HttpServer, http_config, http_secrets
from tests.carriers.lab import Recorder, bound, in_loop, one_part_each

PROVIDER = HttpJsonProvider()
AUTHORITY = sign("authority")
SERVER = sign("api", by=AUTHORITY)
OFFICE = sign("office", by=AUTHORITY)
STRANGER = sign("stranger")
TO = "+819012345678"
NOT_TRUSTED = "the server's certificate is not trusted: "
# The link asks the API when it opens, or makes a connection where it has nothing to ask.
OPENINGS = pytest.mark.parametrize("check", ["/v1/account", ""], ids=["asked", "knocked"])


@asynccontextmanager
async def tls_api(server: Signed = SERVER, *, wants: Signed | None = None) -> AsyncIterator[tuple[Aggregator, int]]:
    """The stub behind TLS, and its port; ``wants`` is whom its customers' certificates must be signed by."""
    aggregator = Aggregator()
    async with HttpServer(aggregator.respond, tls=server_tls(server, wants=wants)) as serving:
        yield aggregator, serving.port
        await aggregator.close()


def config(port: int, *, check: str = "/v1/account", host: str = "127.0.0.1", **settings: Any) -> dict[str, Any]:
    address = f"https://{host}:{port}"
    return {
        **http_config(port),
        **http_secrets(),
        "plain_http": False,
        "url": f"{address}/v1/messages",
        "check_url": f"{address}{check}" if check else "",
        "tls_ca": AUTHORITY.pem,
        **settings,
    }


async def refusal(settings: dict[str, Any]) -> str:
    """In what words the account is said to be refused."""
    link = PROVIDER.link(settings, window=1)
    with pytest.raises(Misconfigured) as refused:
        await link.open(Recorder(link))
    return str(refused.value)


class TestTheServersCertificate:
    @OPENINGS
    @in_loop
    async def test_is_trusted_where_the_account_says_whom_to_trust(self, check: str) -> None:
        async with tls_api() as (api, port), bound(PROVIDER, config(port, check=check), window=20) as recorder:
            recorder.link.submit(one_part_each(recorder.link, TO, 20))
            await recorder.until(lambda: len(recorder.results) == 20)

            assert set(recorder.outcomes().values()) == {Outcome.ACCEPTED}
            assert len(api.accepted) == 20

    @OPENINGS
    @in_loop
    async def test_of_nobody_we_trust_is_refused_and_says_so(self, check: str) -> None:
        async with tls_api() as (api, port):
            words = await refusal(config(port, check=check, tls_ca=""))
            assert words == f"{NOT_TRUSTED}unable to get local issuer certificate"
            assert NOT_TRUSTED in await refusal(config(port, check=check, tls_ca=STRANGER.pem))
            assert api.requests == []

            async with bound(PROVIDER, config(port, check=check, tls_ca="", tls_verify=False)) as recorder:
                recorder.link.submit(one_part_each(recorder.link, TO, 1))
                await recorder.until(lambda: recorder.results)
                assert len(api.accepted) == 1

    @OPENINGS
    @in_loop
    async def test_that_is_over_or_anothers_is_refused_and_says_so(self, check: str) -> None:
        async with tls_api(sign("api", by=AUTHORITY, until=-DAY)) as (_, port):
            assert await refusal(config(port, check=check)) == f"{NOT_TRUSTED}certificate has expired"
        async with tls_api() as (_, port):
            assert "Hostname mismatch" in await refusal(config(port, check=check, host="localhost"))

    @in_loop
    async def test_that_goes_bad_while_the_link_is_open_refuses_the_account_and_takes_no_text(self) -> None:
        async with tls_api() as (good, port), tls_api(STRANGER) as (bad, bad_port):
            settings = {**config(bad_port), "check_url": f"https://127.0.0.1:{port}/v1/account"}
            async with bound(PROVIDER, settings) as recorder:
                recorder.link.submit(one_part_each(recorder.link, TO, 2))
                await recorder.until(lambda: recorder.closed)

                assert set(recorder.outcomes().values()) == {Outcome.RETRY}
                assert NOT_TRUSTED in recorder.closed[0]
                assert recorder.link.is_refused
            assert good.accepted == bad.accepted == []

    @OPENINGS
    @in_loop
    async def test_is_not_there_where_the_server_speaks_plainly(self, check: str) -> None:
        aggregator = Aggregator()
        async with HttpServer(aggregator.respond) as server:
            link = PROVIDER.link(config(server.port, check=check), window=1)
            with pytest.raises(Unreachable):
                await link.open(Recorder(link))
        assert aggregator.requests == []


class TestOurCertificate:
    @OPENINGS
    @in_loop
    async def test_is_shown_to_a_server_that_asks(self, check: str) -> None:
        async with tls_api(wants=AUTHORITY) as (api, port):
            settings = config(port, check=check, tls_cert=OFFICE.pem, tls_key=OFFICE.key)
            async with bound(PROVIDER, settings) as recorder:
                recorder.link.submit(one_part_each(recorder.link, TO, 1))
                await recorder.until(lambda: recorder.results)

                assert recorder.result(0).outcome is Outcome.ACCEPTED
                assert len(api.accepted) == 1

    @in_loop
    async def test_may_stand_in_files_and_its_key_behind_a_password(self) -> None:
        async with tls_api(wants=AUTHORITY) as (_, port):
            with Files(AUTHORITY.pem, OFFICE.pem, OFFICE.key_with("open sesame")) as (ca, certificate, key):
                files = {"tls_ca": str(ca), "tls_cert": str(certificate), "tls_key": str(key)}
                async with bound(PROVIDER, config(port, **files, tls_key_password="open sesame")) as recorder:
                    assert recorder.closed == []
                assert await refusal(config(port, **files)) == "tls_cert or tls_key is not usable"

    @in_loop
    async def test_that_is_missing_or_not_trusted_is_refused_and_says_so(self) -> None:
        with asking_server(SERVER, wants=AUTHORITY) as port:
            assert await refusal(config(port)) == "the server refused our certificate: certificate required"
            strange = config(port, tls_cert=STRANGER.pem, tls_key=STRANGER.key)
            assert await refusal(strange) == "the server refused our certificate: unknown ca"

    @in_loop
    async def test_that_is_missed_only_by_the_first_text_refuses_the_account_and_takes_nothing(self) -> None:
        """A knock ends before TLS 1.3 lets the server say that it wants a certificate."""
        with asking_server(SERVER, wants=AUTHORITY) as port:
            async with bound(PROVIDER, config(port, check="")) as recorder:
                recorder.link.submit(one_part_each(recorder.link, TO, 2))
                await recorder.until(lambda: recorder.closed)

                assert set(recorder.outcomes().values()) == {Outcome.RETRY}
                assert recorder.closed == ["the server refused our certificate: certificate required"]
                assert recorder.link.is_refused
