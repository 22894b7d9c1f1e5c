"""Running the simulated SMSC as a process of its own: from start to SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from carriers.simulator.behaviour import Behaviour
from carriers.simulator.control import ControlPort
from carriers.simulator.smsc import Smsc, SmscOptions


async def run_until_stopped(
    *,
    options: SmscOptions,
    behaviour: Behaviour,
    control_port: int | None,
    started: Callable[[int, int | None], None],
) -> None:
    """Serve until SIGINT or SIGTERM. ``started`` is told the ports, SMPP's and the control's, once both listen.

    Raises ``OSError`` when a port is taken or the journal can't be opened.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    smsc = Smsc(options, behaviour)
    control = ControlPort(smsc)
    try:
        await smsc.start()
        if control_port is not None:
            await control.start(port=control_port)
        started(smsc.port, control.port if control_port is not None else None)
        await stop.wait()
    finally:
        await control.close()
        await smsc.close()
