"""``manage.py smsc``: run the simulated SMSC."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import ssl
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from carriers.simulator.behaviour import BadBehaviour, Behaviour
from carriers.simulator.running import run_until_stopped
from carriers.simulator.smsc import SmscOptions
from tenants.collecting import spare_what_is_loaded


class Command(BaseCommand):
    """Needs no database, no broker and no settings beyond Django's own."""

    help = "Run the simulated SMSC: an SMPP 3.4 server for trying and testing (docs/reference/simulator.md)."
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=2775, help="0 takes any free one (printed at the start)")
        parser.add_argument("--system-id", default="todoke")
        parser.add_argument("--password", default="")
        parser.add_argument(
            "--account", action="append", default=[], metavar="SYSTEM_ID:PASSWORD", help="a further customer"
        )
        parser.add_argument("--journal", type=Path, help="append JSON lines here")
        parser.add_argument(
            "--resume",
            action=argparse.BooleanOptionalAction,
            default=True,
            help="send the receipts that an earlier run owed by the journal",
        )
        parser.add_argument("--control-port", type=int, help="HTTP on loopback; 0 takes any free one")
        parser.add_argument("--seed", type=int, help="of the rates' dice")
        parser.add_argument("--tls-cert", type=Path)
        parser.add_argument("--tls-key", type=Path)
        parser.add_argument(
            "--tls-client-ca", type=Path, help="want a certificate of each customer, signed by one of these"
        )
        _add_knobs(parser)

    def handle(self, *_args: object, **options: Any) -> None:
        try:
            behaviour = Behaviour().changed(_given_knobs(options))
            spare_what_is_loaded()
            asyncio.run(
                run_until_stopped(
                    options=_read_options(options),
                    behaviour=behaviour,
                    control_port=options["control_port"],
                    started=self._announce,
                )
            )
        except (BadBehaviour, OSError) as exc:
            raise CommandError(str(exc)) from exc

    def _announce(self, port: int, control_port: int | None) -> None:
        control = "" if control_port is None else f" control http://127.0.0.1:{control_port}/state"
        self.stdout.write(f"smsc listening on port {port}{control}")
        self.stdout.flush()


def _add_knobs(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("behaviour of numbers that are not scripted")
    for knob in dataclasses.fields(Behaviour):
        flag = "--" + knob.name.replace("_", "-")
        if isinstance(knob.default, bool):
            group.add_argument(flag, action=argparse.BooleanOptionalAction, default=None)
        else:
            group.add_argument(flag, default=None)


def _given_knobs(options: dict[str, Any]) -> dict[str, Any]:
    names = [knob.name for knob in dataclasses.fields(Behaviour)]
    return {name: options[name] for name in names if options[name] is not None}


def _read_options(options: dict[str, Any]) -> SmscOptions:
    accounts = {options["system_id"]: options["password"]}
    for account in options["account"]:
        system_id, _, password = account.partition(":")
        accounts[system_id] = password
    return SmscOptions(
        accounts=accounts,
        host=options["host"],
        port=options["port"],
        journal=options["journal"],
        is_resuming=options["resume"],
        seed=options["seed"],
        tls=_tls_context(options["tls_cert"], options["tls_key"], options["tls_client_ca"]),
    )


def _tls_context(certificate: Path | None, key: Path | None, client_ca: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=client_ca)
    context.load_cert_chain(certificate, key)
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context
