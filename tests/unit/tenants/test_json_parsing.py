"""What the API refuses as JSON."""

from __future__ import annotations

import pytest

from tenants.json_parsing import DEEPEST, BadJson, strict_json


class TestStrictJson:
    @pytest.mark.parametrize(
        "body",
        [
            b"{}",
            b'{"a": [1, 2.5, null, true, "\xe9\xab\x99"]}',
            rb'{"a": "\ud842\udfb7"}',
            b"[" * DEEPEST + b"]" * DEEPEST,
        ],
    )
    def test_takes_what_is_plain(self, body: bytes) -> None:
        strict_json(body)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"{'a': 1}",
            b'{"a": NaN}',
            b'{"a": -Infinity}',
            b'{"a": 1, "a": 1}',
            b'{"a": {"b": 1, "b": 2}}',
            b"\xff\xfe{\x00}\x00",
            rb'{"a": "\ud842"}',
            rb'{"\udfb7": 1}',
            rb'{"a": "\u0000"}',
            b'{"a": "\x00"}',
            b'{"a": ' + b"9" * 5000 + b"}",
            b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1),
            b"[" * 200_000 + b"]" * 200_000,
            b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
        ],
        ids=lambda body: body[:20].decode("latin-1"),
    )
    def test_refuses_what_is_not(self, body: bytes) -> None:
        with pytest.raises(BadJson):
            strict_json(body)

    def test_refuses_what_stands_deep_inside_a_long_list(self) -> None:
        body = b'{"messages": [' + b'{"to": "1"},' * 5000 + b'{"to": ' + b"[" * 30 + b"]" * 30 + b"}]}"

        with pytest.raises(BadJson):
            strict_json(body)
