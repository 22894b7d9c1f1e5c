"""SMPP over TLS: each side shows who it is, and what is not trusted is refused with a reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from carriers.base import Outcome
from carriers.errors import Misconfigured, Unreachable
from carriers.providers.smpp.carrier import SmppProvider
from carriers.simulator.behaviour import Behaviour
from carriers.simulator.smsc import Smsc, SmscOptions
from tests.carriers.certificates import DAY, Files, Signed, asking_server, server_tls, sign
from tests.carriers.lab import PASSWORD, SYSTEM_ID, Recorder, bound, in_loop, one_part_each, running_smsc, smpp_config

PROVIDER = SmppProvider()
AUTHORITY = sign("authority")
SERVER = sign("smsc", by=AUTHORITY)
OFFICE = sign("office", by=AUTHORITY)
STRANGER = sign("stranger")


@asynccontextmanager
async def tls_smsc(server: Signed = SERVER, *, wants: Signed | None = None) -> AsyncIterator[Smsc]:
    """A simulated SMSC with a certificate; ``wants`` is whom its customers' certificates must be signed by."""
    options = SmscOptions(accounts={SYSTEM_ID: PASSWORD}, tls=server_tls(server, wants=wants))
    smsc = Smsc(options, Behaviour().changed({"receipt_delay": "0"}))
    await smsc.start()
    try:
        yield smsc
    finally:
        await smsc.close()


def config(port: int, **settings: Any) -> dict[str, Any]:
    return smpp_config(port, **{"tls": True, "tls_ca": AUTHORITY.pem, **settings})


async def refusal(settings: dict[str, Any]) -> str:
    """In what words the account is said to be refused."""
    link = PROVIDER.link(settings, window=1)
    with pytest.raises(Misconfigured) as refused:
        await link.open(Recorder(link))
    return str(refused.value)


class TestTheServersCertificate:
    @pytest.mark.parametrize("mode", ["transceiver", "transmitter_receiver"])
    @in_loop
    async def test_is_trusted_where_the_account_says_whom_to_trust(self, mode: str) -> None:
        async with tls_smsc() as smsc, bound(PROVIDER, config(smsc.port, mode=mode), window=500) as recorder:
            recorder.link.submit(one_part_each(recorder.link, "+819012345678", 500))
            await recorder.until(lambda: len(recorder.receipts) == len(recorder.results) == 500)

            assert set(recorder.outcomes().values()) == {Outcome.ACCEPTED}

    @in_loop
    async def test_of_nobody_we_trust_is_refused_and_says_so(self) -> None:
        async with tls_smsc() as smsc:
            words = await refusal(config(smsc.port, tls_ca=""))
            assert words == "the server's certificate is not trusted: unable to get local issuer certificate"
            assert "not trusted" in await refusal(config(smsc.port, tls_ca=STRANGER.pem))
            assert not any(session.mode for session in smsc.sessions)

            async with bound(PROVIDER, config(smsc.port, tls_ca="", tls_verify=False)):
                assert smsc.sessions[-1].mode == "transceiver"

    @in_loop
    async def test_that_is_over_is_refused_and_says_so(self) -> None:
        async with tls_smsc(sign("smsc", by=AUTHORITY, until=-DAY)) as smsc:
            assert (
                await refusal(config(smsc.port)) == "the server's certificate is not trusted: certificate has expired"
            )

    @in_loop
    async def test_for_another_name_or_address_is_refused_and_says_so(self) -> None:
        async with tls_smsc() as smsc:
            assert "Hostname mismatch" in await refusal(config(smsc.port, host="localhost"))
        async with tls_smsc(sign("smsc", by=AUTHORITY, address="192.0.2.1")) as smsc:
            assert "IP address mismatch" in await refusal(config(smsc.port))

    @in_loop
    async def test_is_not_there_when_one_side_speaks_plainly(self) -> None:
        async with tls_smsc() as smsc:
            link = PROVIDER.link(smpp_config(smsc.port, connect_timeout_s=1), window=1)
            with pytest.raises(Unreachable):
                await link.open(Recorder(link))
        async with running_smsc() as smsc:
            link = PROVIDER.link(config(smsc.port), window=1)
            with pytest.raises(Unreachable, match="SSL"):
                await link.open(Recorder(link))

    @in_loop
    async def test_does_not_change_that_a_cut_is_told_once(self) -> None:
        async with tls_smsc() as smsc, bound(PROVIDER, config(smsc.port)) as recorder:
            smsc.disconnect()
            await recorder.until(lambda: recorder.closed)

            assert len(recorder.closed) == 1


class TestOurCertificate:
    @pytest.mark.parametrize("mode", ["transceiver", "transmitter_receiver"])
    @in_loop
    async def test_is_shown_to_a_server_that_asks(self, mode: str) -> None:
        async with tls_smsc(wants=AUTHORITY) as smsc:
            settings = config(smsc.port, mode=mode, tls_cert=OFFICE.pem, tls_key=OFFICE.key)
            async with bound(PROVIDER, settings) as recorder:
                recorder.link.submit(one_part_each(recorder.link, "+819012345678", 1))
                await recorder.until(lambda: recorder.receipts)

    @in_loop
    async def test_may_stand_in_files_and_its_key_behind_a_password(self) -> None:
        async with tls_smsc(wants=AUTHORITY) as smsc:
            with Files(AUTHORITY.pem, OFFICE.pem, OFFICE.key_with("open sesame")) as (ca, certificate, key):
                files = {"tls_ca": str(ca), "tls_cert": str(certificate), "tls_key": str(key)}
                async with bound(PROVIDER, config(smsc.port, **files, tls_key_password="open sesame")):
                    assert smsc.sessions[-1].mode == "transceiver"
                assert await refusal(config(smsc.port, **files)) == "tls_cert or tls_key is not usable"

    @in_loop
    async def test_that_is_missing_or_not_trusted_is_refused_and_says_so(self) -> None:
        over = sign("office", by=AUTHORITY, until=-DAY)
        with asking_server(SERVER, wants=AUTHORITY) as port:
            assert await refusal(config(port)) == "the server refused our certificate: certificate required"
            strange = config(port, tls_cert=STRANGER.pem, tls_key=STRANGER.key)
            assert await refusal(strange) == "the server refused our certificate: unknown ca"
            late = config(port, tls_cert=over.pem, tls_key=over.key)
            assert await refusal(late) == "the server refused our certificate: certificate expired"

    @in_loop
    async def test_that_a_server_refuses_without_a_word_leaves_it_out_of_reach(self) -> None:
        async with tls_smsc(wants=AUTHORITY) as smsc:
            link = PROVIDER.link(config(smsc.port), window=1)
            with pytest.raises(Unreachable, match="peer closed"):
                await link.open(Recorder(link))

    def test_with_a_key_of_another_is_refused_before_anything_connects(self) -> None:
        with pytest.raises(Misconfigured, match="tls_key does not belong to tls_cert"):
            PROVIDER.link(config(2775, tls_cert=OFFICE.pem, tls_key=STRANGER.key), window=1)

    @pytest.mark.parametrize("missing", ["tls_ca", "tls_cert"])
    @in_loop
    async def test_in_a_file_that_is_not_on_this_host_matters_only_to_whoever_connects(self, missing: str) -> None:
        link = PROVIDER.link(config(2775, **{missing: "/nowhere/office.pem"}), window=1)

        assert link.count_parts("届け" * 100) == 3
        with pytest.raises(Misconfigured, match="can't be read"):
            await link.open(Recorder(link))
