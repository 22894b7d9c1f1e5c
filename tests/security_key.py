"""A security key in software: what a browser and a key answer to the pages' questions (Web Authentication §6)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor

ORIGIN: Final = "https://testserver"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class SecurityKey:
    """One key, for one site."""

    def __init__(self, *, origin: str = ORIGIN, rp_id: str = "testserver") -> None:
        self._origin, self._rp_id = origin, rp_id
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._id = secrets.token_bytes(16)
        self._uses = 0

    def create(self, options: str) -> str:
        """The answer to an invitation, as js/security_key.js writes it."""
        client = self._client_data("webauthn.create", options)
        attested = bytes(16) + len(self._id).to_bytes(2, "big") + self._id + cbor.encode(self._public())
        data = self._authenticator_data(PRESENT | VERIFIED | ATTESTED) + attested
        statement = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        return self._written(clientDataJSON=client, attestationObject=statement)

    def get(self, options: str) -> str:
        """The answer to a question."""
        client = self._client_data("webauthn.get", options)
        data = self._authenticator_data(PRESENT | VERIFIED)
        signed = self._private.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._written(clientDataJSON=client, authenticatorData=data, signature=signed)

    def _client_data(self, kind: str, options: str) -> bytes:
        challenge = json.loads(options)["publicKey"]["challenge"]
        return json.dumps({"type": kind, "challenge": challenge, "origin": self._origin}).encode()

    def _authenticator_data(self, flags: int) -> bytes:
        self._uses += 1
        return hashlib.sha256(self._rp_id.encode()).digest() + bytes([flags]) + self._uses.to_bytes(4, "big")

    def _public(self) -> dict[int, Any]:
        """As COSE writes it: EC2, ES256, P-256 (RFC 9053)."""
        numbers = self._private.public_key().public_numbers()
        return {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}

    def _written(self, **response: bytes) -> str:
        return json.dumps(
            {
                "id": encode(self._id),
                "rawId": encode(self._id),
                "type": "public-key",
                "response": {name: encode(value) for name, value in response.items()},
                "clientExtensionResults": {},
            }
        )
