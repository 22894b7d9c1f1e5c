"""Throughput against the number of binds, at a carrier that is far away and limits each of them.

    python -m benchmarks.binds [--binds 1 2 4 8] [--window 10] [--answer-delay 0.05] [--seconds 10]

The simulated SMSC answers each part after so long and takes no more than one window unanswered on each bind, so that one
bind can't pass window ÷ delay. One carrier worker for each bind, as on several hosts; the rate is read from the simulator's
journal, between the first and the last tenth. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.pipeline import ROOT, manage, roster_file, wait_for_binds, wait_until_delivered
from devservers import environment as servers_environment
from devservers.ports import LOOPBACK, free_port, wait_until_listening

CELERY = (sys.executable, "-m", "celery", "-A", "config")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binds", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--window", type=int, default=10)
    parser.add_argument("--answer-delay", type=float, default=0.05)
    parser.add_argument("--seconds", type=float, default=10.0, help="that each step should take, were the carrier all")
    options = parser.parse_args()
    with servers_environment.servers(fsync=True, settings="config.settings.test") as environment:
        os.environ.update(environment)
        manage("prepare_database")
        manage("migrate", "--database=owner", "--no-input", "-v0")
        import django

        django.setup()
        with tempfile.TemporaryDirectory(prefix="todoke-binds-") as folder:
            curve = [measure(Path(folder), binds, options) for binds in options.binds]
    for step in curve:
        print(
            f"{step['binds']:>2} binds {step['texts_per_s']:>8.0f} texts/s  {step['texts_per_s'] / step['binds']:>6.0f} each "
            f" {step['texts_per_s'] / curve[0]['texts_per_s']:>5.2f} x the first"
            f"  {100 * step['texts_per_s'] / step['at_most']:>4.0f} % of what the carrier allows"
        )
    print(json.dumps({"window": options.window, "answer_delay_s": options.answer_delay, "curve": curve}))
    return 0 if all(step["lost"] == step["double"] == 0 for step in curve) else 1


def measure(folder: Path, binds: int, options: argparse.Namespace) -> dict[str, Any]:
    """One step of the curve, with an account, an office and processes of its own."""
    from carriers.services import configure_account
    from carriers.simulator.journal import read_journal
    from dispatch.services.campaigns.departure import send_campaign
    from tenants.context import tenant_scope

    at_most = binds * options.window / options.answer_delay
    texts = int(at_most * options.seconds)
    port, journal, name = free_port(), folder / f"journal-{binds}.jsonl", f"bench-{binds}"
    processes = start_processes(folder, binds, options, port=port, name=name, journal=journal)
    try:
        if not wait_until_listening(host=LOOPBACK, port=port, timeout_s=60, is_alive=lambda: True):
            raise TimeoutError("the simulator did not start")
        configure_account(
            name=name,
            provider="smpp",
            config={"host": LOOPBACK, "port": port, "system_id": name},
            secrets={"password": name},
            window=options.window,
            binds=binds,
            texts_per_s=None,
        )
        campaign, actor, now = make_campaign(name, texts)
        wait_for_binds(binds)
        with tenant_scope(campaign.tenant_id):
            send_campaign(campaign=campaign, by=actor, now=now)
        wait_until_delivered(campaign.tenant_id, texts, time.monotonic())
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(60)
    report = read_journal(journal)
    instants = sorted(datetime.fromisoformat(part.at).timestamp() for part in report.accepted)
    begin, end = len(instants) // 10, len(instants) * 9 // 10
    retire(name)
    return {
        "binds": binds,
        "texts": texts,
        "texts_per_s": round((end - begin) / (instants[end] - instants[begin]), 1),
        "at_most": at_most,
        "lost": texts - len({part.key for part in report.accepted}),
        "double": len(report.doubles),
    }


def start_processes(
    folder: Path, binds: int, options: argparse.Namespace, *, port: int, name: str, journal: Path
) -> list[subprocess.Popen[bytes]]:
    journal.touch()
    smsc = [sys.executable, "manage.py", "smsc", "--port", str(port), "--system-id", name, "--password", name]
    smsc += ["--journal", str(journal), "--receipt-delay", "0.2:0.5", "--answer-delay", str(options.answer_delay)]
    smsc += ["--window-limit", str(options.window)]
    commands = [
        smsc,
        [*CELERY, "worker", "-Q", "default", "--pool=prefork", "-c", "1", "-n", f"default-{name}@%h", "-l", "WARNING"],
        [*CELERY, "beat", "-s", str(folder / f"beat-{name}"), "--pidfile=", "-l", "WARNING"],
    ]
    for bind in range(1, binds + 1):
        words = ["worker", "-Q", "carrier", "--pool=solo", "-n", f"{name}-{bind}@%h", "-l", "WARNING"]
        commands.append([*CELERY, *words])
    log = (folder / "log").open("ab")
    return [subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log) for command in commands]


def make_campaign(name: str, texts: int) -> tuple[Any, Any, Any]:
    """An office with a roster of that many people; the campaign, who may send it, and now."""
    from django.utils import timezone

    from dispatch.services.campaigns.drafts import create_campaign
    from recipients.models import Roster
    from recipients.services.reading import read_roster
    from recipients.services.uploading import upload_roster
    from tenants.context import tenant_scope
    from tenants.models import Department
    from tenants.permissions import Role
    from tenants.selectors import actor_of
    from tenants.services import create_member, create_tenant

    now = timezone.now()
    rules = {"requires_approval": False, "requires_consent": False, "sms_age_limit": None}
    tenant = create_tenant(name=name, office_name=name, send_from="00:00", send_until="00:00", now=now, **rules)
    with tenant_scope(tenant.pk):
        department = Department.objects.create(name="健康課")
        actor = actor_of(
            create_member(email=f"b@{name}.example", name=name, password=None, role=Role.ADMIN, department=None)
        )
        roster = upload_roster(
            data=roster_file(texts),
            file_name="bench.csv",
            name=name,
            department=department,
            mapping=None,
            by=actor,
            now=now,
        )
    read_roster(tenant_id=tenant.pk, roster_id=roster.pk, now=now)
    with tenant_scope(tenant.pk):
        campaign = create_campaign(
            name=name,
            roster=Roster.objects.get(pk=roster.pk),
            template_version=None,
            text="【みなと市保健所】療養は{{療養終了日|和暦}}で終了です。",
            department=department,
            by=actor,
            now=now,
        )
    return campaign, actor, now


def retire(name: str) -> None:
    """No worker of the next step binds to the account of this one."""
    from carriers.models import CarrierAccount

    CarrierAccount.objects.using("operator").filter(name=name).update(is_enabled=False)


if __name__ == "__main__":
    sys.exit(main())
