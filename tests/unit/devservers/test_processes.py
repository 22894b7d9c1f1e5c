from __future__ import annotations

from pathlib import Path

from config import celery
from devservers import processes, smsc


def named(programs: list[processes.Program]) -> dict[str, processes.Program]:
    return {program.name: program for program in programs}


class TestApplication:
    def test_has_one_worker_for_each_bind(self, tmp_path: Path) -> None:
        programs = named(processes.application(binds=3, port=8000, directory=tmp_path, environment={}))

        assert list(programs) == [
            "worker-default",
            "worker-carrier-1",
            "worker-carrier-2",
            "worker-carrier-3",
            "beat",
            "web",
        ]
        binds = [programs[f"worker-carrier-{bind}"].environment["CARRIER_WORKER"] for bind in (1, 2, 3)]
        assert binds == ["1", "2", "3"]

    def test_only_a_carrier_worker_owns_a_bind(self, tmp_path: Path) -> None:
        programs = named(processes.application(binds=1, port=8000, directory=tmp_path, environment={"A": "b"}))

        owners = [name for name, program in programs.items() if "CARRIER_WORKER" in program.environment]
        assert owners == ["worker-carrier-1"]
        assert {program.environment["A"] for program in programs.values()} == {"b"}

    def test_every_queue_has_a_worker(self) -> None:
        served = {*processes.DEFAULT_QUEUES, *processes.CARRIER_QUEUES}

        assert served == {queue.name for queue in celery.configuration()["task_queues"]}

    def test_is_ended_before_the_smsc_that_it_uses(self, tmp_path: Path) -> None:
        bundled = smsc.bundled(port=2775, password="12345678", journal=tmp_path / "journal.jsonl")
        simulator = processes.simulator(smsc=bundled, environment={})

        stages = [p.stage for p in processes.application(binds=1, port=1, directory=tmp_path, environment={})]

        assert min(stages) > simulator.stage > 0

    def test_a_carrier_worker_has_time_to_drain(self) -> None:
        assert processes.carrier_worker(bind=1, environment={}).grace_s > 30


class TestWeb:
    def test_listens_on_this_machine_only(self) -> None:
        assert "--bind=127.0.0.1:8123" in processes.web(port=8123, environment={}).command
