"""SMPP over TLS: trusted where the account says whom to trust, refused else."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from carriers.base import Outcome
from carriers.errors import Unreachable
from carriers.providers.smpp.carrier import SmppProvider
from carriers.simulator.behaviour import Behaviour
from carriers.simulator.smsc import Smsc, SmscOptions
from tests.carriers.lab import PASSWORD, SYSTEM_ID, Recorder, bound, in_loop, one_part_each, running_smsc, smpp_config

PROVIDER = SmppProvider()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1, signed by itself, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "smsc")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "smsc.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


@asynccontextmanager
async def tls_smsc(certificate: Path) -> AsyncIterator[Smsc]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    options = SmscOptions(accounts={SYSTEM_ID: PASSWORD}, tls=context)
    smsc = Smsc(options, Behaviour().changed({"receipt_delay": "0"}))
    await smsc.start()
    try:
        yield smsc
    finally:
        await smsc.close()


class TestTls:
    @pytest.mark.parametrize("mode", ["transceiver", "transmitter_receiver"])
    @in_loop
    async def test_sends_and_receives(self, certificate: Path, mode: str) -> None:
        async with tls_smsc(certificate) as smsc:
            config = smpp_config(smsc.port, tls=True, tls_ca=str(certificate), mode=mode)
            async with bound(PROVIDER, config, window=500) as recorder:
                recorder.link.submit(one_part_each(recorder.link, "+819012345678", 500))
                await recorder.until(lambda: len(recorder.receipts) == len(recorder.results) == 500)

                assert set(recorder.outcomes().values()) == {Outcome.ACCEPTED}

    @in_loop
    async def test_trusts_nobody_unless_told(self, certificate: Path) -> None:
        async with tls_smsc(certificate) as smsc:
            link = PROVIDER.link(smpp_config(smsc.port, tls=True), window=1)

            with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
                await link.open(Recorder(link))

            async with bound(PROVIDER, smpp_config(smsc.port, tls=True, tls_verify=False)):
                assert smsc.sessions[-1].mode == "transceiver"

    @in_loop
    async def test_a_name_that_is_not_in_the_certificate_is_not_trusted(self, certificate: Path) -> None:
        async with tls_smsc(certificate) as smsc:
            config = smpp_config(smsc.port, host="localhost", tls=True, tls_ca=str(certificate))
            link = PROVIDER.link(config, window=1)

            with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
                await link.open(Recorder(link))

    @in_loop
    async def test_plain_text_to_a_tls_port_is_unreachable_and_back(self, certificate: Path) -> None:
        async with tls_smsc(certificate) as smsc:
            link = PROVIDER.link(smpp_config(smsc.port, connect_timeout_s=1), window=1)
            with pytest.raises(Unreachable):
                await link.open(Recorder(link))
        async with running_smsc() as smsc:
            link = PROVIDER.link(smpp_config(smsc.port, tls=True), window=1)
            with pytest.raises(Unreachable):
                await link.open(Recorder(link))

    @in_loop
    async def test_a_cut_is_told_once(self, certificate: Path) -> None:
        async with tls_smsc(certificate) as smsc:
            config = smpp_config(smsc.port, tls=True, tls_ca=str(certificate))
            async with bound(PROVIDER, config) as recorder:
                smsc.disconnect()
                await recorder.until(lambda: recorder.closed)

                assert len(recorder.closed) == 1
