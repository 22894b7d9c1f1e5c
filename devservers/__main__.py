"""The command line: `python -m devservers demo | demo-reset | test | run | serve | audit`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from devservers import auditing, demo, serving, testing
from devservers.errors import CannotStart


def main(arguments: list[str]) -> int:
    """Do what the arguments say; returns the exit code. What can't be started is said in a sentence."""
    # pytest's options and another program's are handed on as they are: argparse would claim some for itself.
    command, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    try:
        if command == "test":
            return testing.test(rest)
        if command == "audit":
            return auditing.audit()
        if command == "run":
            return testing.run_with_servers(rest[1:] if rest[:1] == ["--"] else rest)
        return _run(_parser().parse_args(arguments or ["--help"]))
    except CannotStart as exc:
        print(f"\n{exc}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    if options.command == "demo":
        return demo.run(directory=options.data.resolve())
    if options.command == "demo-reset":
        return demo.reset(directory=options.data.resolve())
    return serving.serve(directory=options.data.resolve(), settings=options.settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m devservers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    demonstration = commands.add_parser("demo", help="run everything, to be tried in a browser, until Ctrl-C")
    reset = commands.add_parser("demo-reset", help="forget the demonstration's data")
    serve = commands.add_parser("serve", help="run only the servers and print the environment to use them by")
    for command in (demonstration, reset, serve):
        command.add_argument("--data", type=Path, default=demo.DATA, help="the data directory (default: .data)")
    serve.add_argument("--settings", default=demo.SETTINGS, help="the settings module to name (default: %(default)s)")
    commands.add_parser("test", help="run pytest against private servers; all arguments are pytest's")
    commands.add_parser("audit", help="ask PyPI for known vulnerabilities of what production installs")
    commands.add_parser("run", help="run a command (after --) against private, prepared servers")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
