"""`make demo`: everything on one machine, to be tried in a browser, until Ctrl-C."""

from __future__ import annotations

import http.client
import json
import shutil
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devservers import environment as environments
from devservers import keys as keys_of
from devservers import ports, processes
from devservers import smsc as smscs
from devservers.datadir import locked
from devservers.environment import ServerUrls
from devservers.errors import CannotStart, Interrupted
from devservers.keys import Keys
from devservers.runner import ROOT, Runner
from devservers.smsc import Smsc
from devservers.stopping import StopRequest

DATA = ROOT / ".data"
SETTINGS = "config.settings.dev"
_LOAD_TIMEOUT_S = 300
_READY_TIMEOUT_S = 180
_DEATHS_AT_START = 5
_SMSC_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One that runs: what its description (`demo.json`) tells."""

    directory: Path
    url: str
    environment: dict[str, str]
    urls: ServerUrls
    smsc: Smsc
    logins: dict[str, Any]
    """What `manage.py load_demo` printed: "users" and "api_keys"."""

    @property
    def description_file(self) -> Path:
        return self.directory / "demo.json"

    def describe(self, *, pids: dict[str, int]) -> None:
        """Write the description, whole or not at all: others read it while we write."""
        smsc = self.smsc
        description = {
            "url": self.url,
            "users": self.logins["users"],
            "api_keys": self.logins["api_keys"],
            "admin_database_url": self.urls.admin_database,
            "database_url": self.environment["DATABASE_URL"],
            "redis_url": self.urls.redis,
            "smsc": {
                "host": smsc.host,
                "port": smsc.port,
                "system_id": smsc.system_id,
                "password": smsc.password,
                "journal": str(smsc.journal) if smsc.journal else None,
            },
            "pids": pids,
        }
        unfinished = self.description_file.with_suffix(".json.new")
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(description, ensure_ascii=False, indent=1))
        unfinished.rename(self.description_file)


def run(*, directory: Path = DATA) -> int:
    """Start it all, say where it is, and look after it until a stop is asked for; returns the exit code."""
    stop = StopRequest()
    stop.listen()
    with locked(directory) as lock:
        description_file = directory / "demo.json"
        description_file.unlink(missing_ok=True)
        try:
            with Runner(logs=directory / "logs", stop=stop, keep_open=[lock]) as runner:
                demonstration = _start(runner=runner, directory=directory)
                print(_welcome(demonstration), flush=True)
                runner.supervise(
                    until=lambda: False, on_restart=lambda _name: demonstration.describe(pids=runner.pids())
                )
                print("\n停止しています… / Stopping …", flush=True)
        except Interrupted:
            print("\n起動を取りやめました。 / Stopped before it was up.", flush=True)
        finally:
            description_file.unlink(missing_ok=True)
    print("すべて停止しました。 / Everything has stopped.", flush=True)
    return 0


def reset(*, directory: Path = DATA) -> int:
    """Forget all data and keys of this checkout; returns the exit code."""
    if not directory.exists():
        return 0
    with locked(directory):
        given = environments.outside()
        if given.get("DATABASE_URL"):
            urls = ServerUrls(admin_database=given["DATABASE_URL"], redis=given.get("REDIS_URL", ""))
            environments.forget(urls=urls, keys=keys_of.load_or_create(directory), given=given)
        shutil.rmtree(directory)
    print(f"{directory} を空にしました。 / {directory} has been emptied.", flush=True)
    return 0


def _start(*, runner: Runner, directory: Path) -> Demonstration:
    given = environments.outside()
    keys = keys_of.load_or_create(directory)
    smsc = _choose_smsc(given=given, keys=keys, directory=directory)
    port = web_port(given=given, directory=directory)
    print("サーバーを起動しています… / Starting PostgreSQL and Valkey …", flush=True)
    urls = environments.start_servers(runner=runner, directory=directory, keys=keys, fsync=True, given=given)
    base = {"BASE_URL": f"http://{ports.LOOPBACK}:{port}", **given}
    environment = environments.compose(urls=urls, keys=keys, settings=SETTINGS, base=base)
    environment |= {"DEMO": "1", "PORT": str(port), "DEMO_SMSC_URL": smsc.url}
    print("データベースを準備しています… / Preparing the database …", flush=True)
    environments.prepare(runner=runner, environment=environment)
    if smsc.is_bundled:
        _start_simulator(runner=runner, smsc=smsc, environment=environment)
    logins = _load(runner=runner, environment=environment)
    print("アプリケーションを起動しています… / Starting web, workers and beat …", flush=True)
    ordinary = environments.without_superuser(environment)
    for program in processes.application(binds=smsc.binds, port=port, directory=directory, environment=ordinary):
        runner.start(program)
    demonstration = Demonstration(
        directory=directory,
        url=environment["BASE_URL"],
        environment=environment,
        urls=urls,
        smsc=smsc,
        logins=logins,
    )
    _wait_until_ready(port=port, runner=runner)
    demonstration.describe(pids=runner.pids())
    return demonstration


def _choose_smsc(*, given: dict[str, str], keys: Keys, directory: Path) -> Smsc:
    if given.get("DEMO_SMSC_URL"):
        return smscs.parse(given["DEMO_SMSC_URL"])
    journal = directory / "smsc" / "journal.jsonl"
    journal.parent.mkdir(parents=True, exist_ok=True)
    return smscs.bundled(port=ports.free_port(), password=keys.smsc_password, journal=journal)


def web_port(*, given: dict[str, str], directory: Path) -> int:
    """PORT, else the one of last time, so that a page left open still works, else a free one."""
    memory = directory / "web-port"
    wanted = given.get("PORT", "")
    if wanted:
        if not (wanted.isascii() and wanted.isdecimal() and 0 < int(wanted) < 65536 and ports.is_free(int(wanted))):
            raise CannotStart(f"PORT={wanted} is no free port of this machine.")
        return int(wanted)
    remembered = int(memory.read_text()) if memory.exists() else None
    port = ports.free_port(preferred=remembered)
    memory.write_text(str(port))
    return port


def _start_simulator(*, runner: Runner, smsc: Smsc, environment: dict[str, str]) -> None:
    runner.start(processes.simulator(smsc=smsc, environment=environment))
    is_up = ports.wait_until_listening(
        host=smsc.host,
        port=smsc.port,
        timeout_s=_SMSC_TIMEOUT_S,
        is_alive=lambda: runner.is_alive(processes.SMSC) and not runner.stop_request.is_made(),
    )
    if runner.stop_request.is_made():
        raise Interrupted
    if not is_up:
        raise CannotStart(f"The simulated SMSC did not start.\n{runner.tail(processes.SMSC)}")


def _load(*, runner: Runner, environment: dict[str, str]) -> dict[str, Any]:
    """Load the demonstration tenants; harmless to repeat. Returns the logins and keys."""
    printed = runner.run(environments.manage("load_demo", environment=environment), timeout_s=_LOAD_TIMEOUT_S)
    logins: dict[str, Any] = json.loads(printed)
    return logins


def _wait_until_ready(*, port: int, runner: Runner) -> None:
    """Return when /readyz says yes; CannotStart when it takes too long or a process dies again and again."""
    complaint = "no answer yet"
    restarts: Counter[str] = Counter()
    deadline = time.monotonic() + _READY_TIMEOUT_S

    def is_settled() -> bool:
        nonlocal complaint
        complaint = _ask(port)
        return not complaint or time.monotonic() > deadline or max(restarts.values(), default=0) >= _DEATHS_AT_START

    runner.supervise(until=is_settled, on_restart=lambda name: restarts.update([name]))
    if runner.stop_request.is_made():
        raise Interrupted
    if complaint:
        culprit = restarts.most_common(1)[0][0] if restarts else processes.WEB
        raise CannotStart(f"/readyz still does not say yes: {complaint}\n{runner.tail(culprit)}")


def _ask(port: int) -> str:
    """What /readyz complains of; empty when it does not."""
    connection = http.client.HTTPConnection(ports.LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        body = response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as exc:
        return str(exc)
    finally:
        connection.close()
    return "" if response.status == http.HTTPStatus.OK else f"{response.status} {body[:500]}"


def _welcome(demonstration: Demonstration) -> str:
    users = demonstration.logins["users"]
    width = max(len(user["email"]) for user in users.values())
    logins = [f"  {user['email']:<{width}}  {user['password']}   ({role})" for role, user in users.items()]
    return "\n".join(
        [
            "",
            f"とどけ が動いています。 / Todoke is up:  {demonstration.url}",
            "",
            "ログイン / Log-ins:",
            *logins,
            "",
            f"接続先とログは {demonstration.directory} にあります。終了は Ctrl-C。",
            f"Connections and logs are in {demonstration.directory}; Ctrl-C stops everything.",
            "",
        ]
    )
