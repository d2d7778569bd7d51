"""The command line: `python -m local_stack run | status | reset | client PROVIDER_ID`."""

import argparse
import asyncio
import contextlib
import json
import secrets
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx

from local_stack.errors import StackError
from local_stack.people import Clients, Identity
from local_stack.settings import StackSettings
from local_stack.state import Folder
from local_stack.supervisor import LocalStack

_NOT_RUNNING: Final = 3


async def run(settings: StackSettings) -> int:
    """Start everything and stay until Ctrl-C or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    starting = True

    def ask_to_stop() -> None:
        stop.set()
        if starting and main:  # Ctrl-C while it starts: do not wait for the rest
            main.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask_to_stop)
    try:
        async with LocalStack.of(settings, sys.stdout) as stack:
            starting = False
            _say(_welcome(stack.description(), {name: spec.summary for name, spec in stack.services.items()}))
            await stop.wait()
            _say("stopping")
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
    return 0


def status(settings: StackSettings) -> int:
    """Say what runs and whether it is ready; exit code 3 when nothing runs, 1 when something is not ready."""
    stack = Folder(settings.root).running()
    if stack is None:
        _say(f"no stack runs in {settings.root}")
        return _NOT_RUNNING
    everything_ready = True
    for name, url in {"issuer": stack["issuer"], **stack["services"]}.items():
        answer = "no answer"
        with contextlib.suppress(httpx.HTTPError):
            answer = str(httpx.get(f"{url}/readyz", timeout=5, trust_env=False).status_code)
        everything_ready &= answer == "200"
        _say(f"{name:<15} {url:<24} {'ready' if answer == '200' else answer}")
    kafka, provider = stack["kafka"], stack["provider"]
    _say(f"{'broker':<15} {kafka['bootstrap']:<24} {kafka['kind']}")
    if provider:
        _say(f"{'provider':<15} {provider['web_url']:<24} {provider['id']}")
    return 0 if everything_ready else 1


def reset(settings: StackSettings, *, confirmed: bool) -> int:
    """Remove the data, keys and logs of a stack that does not run. A database of one's own is left alone."""
    root = settings.root
    if not (root / "lock").exists():
        _say(f"nothing to remove: {root} is no stack's folder")
        return 0
    folder = Folder(root)
    folder.hold()
    if not confirmed and input(f"Remove {root} with all its data? [y/N] ").strip().lower() not in {"y", "yes"}:
        return 1
    shutil.rmtree(root)
    _say(f"removed {root}")
    return 0


def client(settings: StackSettings, provider_id: str | None) -> int:
    """Let a program of this provider get tokens from the stack's issuer, and print what it signs in with, as JSON."""
    try:
        organisation = str(UUID(provider_id or ""))
    except ValueError:
        msg = "client needs a provider's id, as `concord providers register` prints it"
        raise StackError(msg) from None
    clients = Clients(settings.root / "issuer" / "clients.json")
    client_id = f"provider-{organisation}"
    known = clients.get(client_id)  # asked for again, the secret stays: whoever uses it goes on
    secret = known.secret if known else secrets.token_urlsafe(24)
    if known is None:
        clients.put(Identity(client_id, secret, client_id, organisation, roles=("access_provider",)))
    _say(json.dumps({"client_id": client_id, "client_secret": secret}))
    return 0


def _welcome(stack: dict[str, Any], summaries: Mapping[str, str]) -> str:
    lines = ["", "Concord runs. Ctrl-C ends it; the data stays.", ""]
    for name, url in stack["services"].items():
        lines.append(f"  {name:<15} {url}/docs   {summaries[name]}")
    lines.append(f"  {'issuer':<15} {stack['issuer']}        development tokens: every password is the user name")
    lines.append(f"  {'broker':<15} {stack['kafka']['bootstrap']}             {stack['kafka']['kind']}")
    if stack["provider"]:
        lines.append(f"  {'provider':<15} {stack['provider']['web_url']}        answers 451 for a site that is cut off")
    lines += ["", f"  settings for programs: {Path(stack['root']) / 'stack.json'}    logs: {stack['logs']}", ""]
    return "\n".join(lines)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Read the command line and do it; errors people can act on are printed without a traceback."""
    parser = argparse.ArgumentParser(prog="local_stack", description=__doc__)
    parser.add_argument("command", choices=["run", "status", "reset", "client"])
    parser.add_argument("provider_id", nargs="?", help="client: the provider whose program is to get tokens")
    parser.add_argument("--yes", action="store_true", help="reset without asking")
    arguments = parser.parse_args()
    commands: dict[str, Callable[[StackSettings], int]] = {
        "run": lambda settings: asyncio.run(run(settings)),
        "status": status,
        "reset": lambda settings: reset(settings, confirmed=arguments.yes),
        "client": lambda settings: client(settings, arguments.provider_id),
    }
    try:
        return commands[arguments.command](StackSettings.read())
    except StackError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
