"""The way to the carrier breaks: cut at any byte, hanging, slow, deaf, refusing, away, throttling, babbling (rows 5, 6, 7, 9)."""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles

import pytest

from carriers.models import BindState, CarrierBind
from carriers.simulator.journal import read_lines
from carriers.smpp.constants import ESME_RBINDFAIL, ESME_RSYSERR
from devservers import ports
from dispatch.models import Message
from dispatch.states import Status
from tenants.permissions import Role
from tests.conftest import Cast
from tests.faults.arranging import is_over, make_campaign, numbers, send
from tests.faults.conftest import Report
from tests.faults.harness import System, W, wait_until
from tests.faults.proxy import Proxy
from tests.faults.visitor import Visitor
from tests.smsc import make_batch, states, tallied

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

NOTICED_S = 50
BOUND_AGAIN_S = 10
MAX_BACKOFF_S = 60
Note = Callable[[str, str], None]


@contextmanager
def proxied(system: System, count: int = 1) -> Iterator[list[Proxy]]:
    """Proxies before the simulator, one for each account that is to be hurt."""
    with ExitStack() as stack:
        yield [stack.enter_context(Proxy(system.smsc_port)) for _ in range(count)]


def bind_of(name: str) -> CarrierBind:
    return CarrierBind.objects.using("operator").get(account__name=name)


def is_bound(name: str) -> bool:
    return bind_of(name).state == BindState.BOUND


class TestCut:
    def test_at_any_byte_loses_nothing_and_sends_nothing_twice(
        self, acme: Cast, system: System, report: Report
    ) -> None:
        names, cuts = ["a", "b", "c"], 24
        draw = random.Random(20_220_816)
        system.start_smsc(*names, answer_delay="0.02:0.1")
        with proxied(system, len(names)) as proxies:
            for number, (name, proxy) in enumerate(zip(names, proxies, strict=True)):
                account = system.account(name, port=proxy.port)
                for batch in range(4):
                    make_batch(acme, account, numbers(300, f"+819{number}{batch}"))
                system.start_carrier(number + 1)
            most = 0
            while system.kills < cuts and not is_over(acme):
                proxy = draw.choice(proxies)
                # Every other one within the bind or the first window, where every octet is some field's.
                octets = draw.randrange(1, 300) if system.kills % 2 else draw.randrange(300, 6_000)
                proxy.cut_after(**{draw.choice(["up", "down"]): octets})
                proxy.cut()
                system.kills += 1
                deadline = time.monotonic() + draw.uniform(1, 6)
                while time.monotonic() < deadline:
                    most = max(most, *(bind["unanswered"] for bind in system.state()["binds"]), 0)
                    time.sleep(0.1)
            wait_until(lambda: is_over(acme), timeout_s=300, what="every text has an end or is unknown")

        outcome = system.judge_when_settled(texts=1_200 * len(names))
        report("5 cut at any byte (both ways)", outcome)
        assert outcome.faults == {}
        assert outcome.unknown <= 2 * W * 2 * outcome.kills  # each try cuts one connection, and the next at a byte
        assert most <= W
        assert system.deaths == {}


class TestAnSmscThat:
    def test_hangs_is_noticed_and_hurts_no_other(self, acme: Cast, system: System, report: Report, note: Note) -> None:
        system.start_smsc("hanging", "well", answer_delay=0.1)
        with proxied(system) as (proxy,):
            make_batch(acme, system.account("hanging", port=proxy.port), numbers(400))
            make_batch(acme, system.account("well"), numbers(3_000, "+8180"))
            system.start_carrier(1)
            system.start_carrier(2)
            system.wait_for_binds(2)
            time.sleep(1)

            proxy.hang()
            system.kills += 1
            noticed_s = wait_until(lambda: not is_bound("hanging"), timeout_s=NOTICED_S + 10, what="it is noticed")
            well = rate_of(system, "well", seconds=5)
            proxy.flow()
            back = datetime.now(UTC)
            again_s = wait_until(lambda: is_bound("hanging"), timeout_s=MAX_BACKOFF_S + 10, what="it is bound again")
            wait_until(lambda: is_over(acme), timeout_s=120, what="every text has an end or is unknown")

        outcome = system.judge_when_settled(texts=3_400, recovered_s=again_s)
        report("5 SMSC hangs", outcome)
        note("5 SMSC hangs", f"noticed after {noticed_s:.0f} s; the other account meanwhile {well:.0f} texts/s of 100")
        assert back
        assert noticed_s <= NOTICED_S
        assert well >= 50
        assert outcome.faults == {}
        assert outcome.unknown <= 2 * W

    def test_is_slow_gets_everything(self, acme: Cast, system: System, report: Report) -> None:
        system.start_smsc()
        with proxied(system) as (proxy,):
            proxy.slow_down(4_000)
            make_batch(acme, system.account(port=proxy.port), numbers(200))
            system.start_carrier()
            wait_until(lambda: is_over(acme), timeout_s=120, what="every text has an end")

        outcome = system.judge_when_settled(texts=200)
        report("5 SMSC at 4 kB/s", outcome)
        assert outcome.faults == {}
        assert outcome.unknown == 0

    @pytest.mark.parametrize("knobs", [{"hang": True}, {"deaf": True}])
    def test_never_answers_or_never_reads(
        self, acme: Cast, system: System, report: Report, knobs: dict[str, bool]
    ) -> None:
        (knob,) = knobs
        system.start_smsc(answer_delay=0.1)
        make_batch(acme, system.account(), numbers(400))
        system.start_carrier()
        system.wait_for_texts(50)

        system.turn(**knobs)
        system.kills += 1
        noticed_s = wait_until(lambda: not is_bound("todoke"), timeout_s=NOTICED_S + 10, what="it is noticed")
        system.turn(**{knob: False})
        again_s = wait_until(lambda: is_bound("todoke"), timeout_s=MAX_BACKOFF_S + 10, what="it is bound again")
        wait_until(lambda: is_over(acme), timeout_s=60, what="every text has an end or is unknown")

        outcome = system.judge_when_settled(texts=400, recovered_s=again_s)
        report(f"5 SMSC {knob}s", outcome)
        assert noticed_s <= NOTICED_S
        assert outcome.faults == {}
        assert outcome.unknown <= 2 * W

    @pytest.mark.parametrize("status", [ESME_RBINDFAIL, ESME_RSYSERR])
    def test_refuses_the_bind_is_asked_again(self, acme: Cast, system: System, report: Report, status: int) -> None:
        system.start_smsc(refuse_binds=status)
        make_batch(acme, system.account(), numbers(100))
        system.start_carrier()
        wait_until(lambda: bind_of("todoke").error, timeout_s=30, what="the refusal is shown to operators")
        error = bind_of("todoke").error

        system.turn(refuse_binds=0)
        again_s = wait_until(lambda: is_bound("todoke"), timeout_s=MAX_BACKOFF_S, what="it is bound")
        wait_until(lambda: is_over(acme), timeout_s=60, what="every text has an end")

        outcome = system.judge_when_settled(texts=100, recovered_s=again_s)
        report(f"5 SMSC refuses the bind with 0x{status:02X}", outcome)
        assert f"0x{status:08X}" in error
        assert outcome.faults == {}
        assert outcome.unknown == 0

    def test_is_away_for_a_minute(self, acme: Cast, system: System, report: Report) -> None:
        system.start_smsc(answer_delay=0.1)
        with proxied(system) as (proxy,):
            make_batch(acme, system.account(port=proxy.port), numbers(600))
            system.start_carrier()
            system.wait_for_texts(100)

            proxy.refuse()
            system.kills += 1
            time.sleep(60)
            proxy.accept()
            again_s = wait_until(lambda: is_bound("todoke"), timeout_s=MAX_BACKOFF_S + 5, what="it is bound again")
            wait_until(lambda: is_over(acme), timeout_s=60, what="every text has an end or is unknown")

        outcome = system.judge_when_settled(texts=600, recovered_s=again_s)
        report("5 SMSC away for 60 s", outcome)
        assert outcome.faults == {}
        assert outcome.unknown <= 2 * W
        assert system.deaths == {}


class TestThrottling:
    def test_beyond_the_carriers_rate_no_text_fails_and_the_rate_is_reached(
        self, acme: Cast, system: System, report: Report, note: Note
    ) -> None:
        allowed = 100
        system.start_smsc(rate_limit=allowed, answer_delay=0.02)
        make_batch(acme, system.account(texts_per_s=round(allowed / 0.7)), numbers(1_000))
        make_batch(acme, system.account(texts_per_s=round(allowed / 0.7)), numbers(1_000, "+8180"))
        system.start_carrier()
        system.wait_for_texts(200)
        reached = rate_of(system, "todoke", seconds=12)
        wait_until(lambda: is_over(acme), timeout_s=60, what="every text has an end")

        outcome = system.judge_when_settled(texts=2_000)
        report("6 throttled: 43 % more offered than allowed", outcome)
        note("6 throttled: 43 % more offered than allowed", f"{reached:.0f} texts/s of {allowed} allowed")
        assert states(acme) == {Status.DELIVERED: 2_000}
        assert outcome.faults == {}
        assert reached >= 0.8 * allowed

    @pytest.mark.parametrize("knob", ["throttle_rate", "queue_full_rate"])
    def test_by_lot_no_text_fails_and_a_lasting_no_fails_at_once(
        self, acme: Cast, system: System, report: Report, note: Note, knob: str
    ) -> None:
        allowed = 100
        system.start_smsc(answer_delay=0.02, **{knob: 0.3})
        account = system.account(texts_per_s=allowed)
        make_batch(acme, account, [*numbers(800), "+816013000001"])
        system.start_carrier()
        system.wait_for_texts(100)
        offered = rate_of(system, "todoke", seconds=5, taken_only=False)
        wait_until(lambda: is_over(acme), timeout_s=120, what="every text has an end")

        outcome = system.judge_when_settled(texts=801)
        report(f"6 {knob} 30 %", outcome)
        note(f"6 {knob} 30 %", f"{offered:.0f} submissions/s of {allowed} allowed")
        assert states(acme) == {Status.DELIVERED: 800, Status.FAILED: 1}
        with acme.scope():
            assert Message.objects.get(state=Status.FAILED).reason
        assert outcome.faults == {}
        assert offered >= 0.8 * allowed


def header(length: int, command: int = 0x15, status: int = 0, sequence: int = 1) -> bytes:
    return struct.pack(">4I", length, command, status, sequence)


def garbage() -> Iterator[tuple[str, bytes]]:
    draw = random.Random(20_220_817)
    for length in (0, 3, 15, 64 * 1024 + 1, 2**32 - 1):
        yield f"length {length}", header(length) + draw.randbytes(64)
    yield "unknown commands", b"".join(header(16, command=draw.randrange(2**32), sequence=n) for n in range(1, 50))
    broken_tlv = b"\0" * 20 + struct.pack(">HH", 0x001E, 60_000) + b"x"
    yield "broken TLV", header(16 + len(broken_tlv), command=5) + broken_tlv
    yield "answers to nothing", b"".join(header(16, command=0x80000004, sequence=10**6 + n) for n in range(50))
    yield (
        "10,000 random PDUs",
        b"".join(
            header(
                16 + len(body),
                command=draw.choice([4, 5, 0x80000004, 0x103, 0x15, 0x80000000]),
                sequence=draw.randrange(2**31),
            )
            + body
            for body in (draw.randbytes(draw.randrange(64)) for _ in range(10_000))
        ),
    )
    yield "random octets", draw.randbytes(200_000)


class TestGarbage:
    def test_costs_a_reconnect_and_nothing_more(self, acme: Cast, system: System, report: Report, note: Note) -> None:
        system.start_smsc(answer_delay=0.1)
        with proxied(system) as (proxy,):
            make_batch(acme, system.account(port=proxy.port), numbers(1_000))
            make_batch(acme, system.account(port=proxy.port), numbers(1_000, "+8180"))
            name = system.start_carrier()
            system.wait_for_texts(50)
            before_mb = memory_mb(system.pid(name))
            slowest = 0.0
            for _what, octets in garbage():
                proxy.say(octets)
                system.kills += 1
                time.sleep(0.5)
                slowest = max(slowest, wait_until(lambda: has_live_bind(system), timeout_s=60, what="bound again"))
                time.sleep(6)
            grown_mb = memory_mb(system.pid(name)) - before_mb
            wait_until(lambda: is_over(acme), timeout_s=120, what="every text has an end or is unknown")

        outcome = system.judge_when_settled(texts=2_000, recovered_s=slowest)
        report("7 garbage", outcome)
        note("7 garbage", f"memory {grown_mb:+.0f} MB")
        assert system.deaths == {}
        assert outcome.faults == {}
        assert outcome.unknown <= 2 * W * outcome.kills
        assert slowest <= BOUND_AGAIN_S
        assert grown_mb <= 50


class TestManyReceipts:
    def test_while_sending_are_stored_in_time_and_pages_answer(
        self, acme: Cast, system: System, report: Report, note: Note
    ) -> None:
        rate, seconds, port = 500, 60, ports.free_port()
        system.start_smsc(receipt_delay="0.5:2")
        system.account(window=200, texts_per_s=rate)
        campaign = make_campaign(acme, rate * seconds)
        system.start_web(port)
        for start in (system.start_default, system.start_beat, system.start_carrier):
            start()
        system.wait_for_binds()

        somebody = Visitor(port, acme.users[Role.STAFF])
        addresses = (f"/campaigns/{campaign.public_id}", "/campaigns", "/calls")

        send(acme, campaign)
        pages = []
        while tallied(acme).get(Status.DELIVERED, 0) < rate * seconds:
            pages += [somebody.get(address) for address in addresses]
            time.sleep(0.3)
        delays = sorted(receipt_delays(system.journal_path))

        outcome = system.judge_when_settled(texts=rate * seconds)
        report(f"9 {rate} receipts/s for {seconds} s", outcome)
        p99, page_p95 = quantiles(delays, n=100)[98], quantiles([page.seconds for page in pages], n=20)[18]
        note(f"9 {rate} receipts/s for {seconds} s", f"acknowledged p99 {p99:.2f} s, pages p95 {page_p95:.2f} s")
        assert len(delays) == rate * seconds
        assert {page.status for page in pages} == {200}
        assert outcome.faults == {}
        assert p99 <= 5
        assert page_p95 <= 1


def rate_of(system: System, system_id: str, *, seconds: float, taken_only: bool = True) -> float:
    """Texts per second that the carrier took from this customer (or was offered) in the next seconds."""
    since = datetime.now(UTC).isoformat(timespec="milliseconds")
    time.sleep(seconds)
    until = datetime.now(UTC).isoformat(timespec="milliseconds")
    found = [
        record
        for record in read_lines(system.journal_path)
        if record["kind"] == "submit" and record["system_id"] == system_id and since <= record["at"] < until
    ]
    return sum(1 for record in found if not taken_only or record["status"] == 0) / seconds


def has_live_bind(system: System) -> bool:
    return bool(system.state()["binds"]) and is_bound("todoke")


def memory_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))) / 1024


def receipt_delays(journal: Path) -> Iterator[float]:
    """Seconds from a receipt's leaving to its acknowledgement."""
    left: dict[tuple[str, str], datetime] = {}
    for record in read_lines(journal):
        if record["kind"] == "receipt":
            left.setdefault((record["id"], record["state"]), datetime.fromisoformat(record["at"]))
        elif record["kind"] == "receipt_ack" and record["status"] == 0:
            yield (datetime.fromisoformat(record["at"]) - left[record["id"], record["state"]]).total_seconds()
