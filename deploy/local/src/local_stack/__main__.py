"""The command line: `python -m local_stack run | status | travel TO | reset | client PROVIDER_ID | person NAME …`."""

import argparse
import asyncio
import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx

from concord.exits import Exit, table
from concord.files import BadFile
from concord.sdk import Concord, ConcordError, NoStack, Unreachable
from concord.sdk.places import Places
from local_stack.ahead import SHANGHAI, further, read, write
from local_stack.errors import BadSetting, StackError, StartFailed
from local_stack.keys import write_secret
from local_stack.people import Added, Identity, people
from local_stack.settings import StackSettings
from local_stack.state import Folder
from local_stack.supervisor import LocalStack
from shared.rules import Role
from shared.rules.identifiers import InvalidIdentifier, check_uscc

TRAVEL_S: Final = 120.0
DESK: Final = "desk-a"
OFFICE: Final = "coordination-national-a"
NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,40}").fullmatch
"""Who asks access-control about providers."""


async def run(settings: StackSettings) -> int:
    """Start everything and stay until Ctrl-C or SIGTERM."""
    stop, clock_moved = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    starting = True

    def ask_to_stop() -> None:
        stop.set()
        if starting and main:  # Ctrl-C while it starts: do not wait for the rest
            main.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask_to_stop)
    loop.add_signal_handler(signal.SIGUSR1, clock_moved.set)
    try:
        async with LocalStack.of(settings, sys.stdout) as stack:
            starting = False
            _say(_welcome(stack.description(), {name: spec.summary for name, spec in stack.services.items()}))
            following = asyncio.create_task(_follow_clock(stack, clock_moved))
            await stop.wait()
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            _say("stopping")
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
    return 0


async def _follow_clock(stack: LocalStack, moved: asyncio.Event) -> None:
    while True:
        await moved.wait()
        moved.clear()
        try:
            await stack.follow_clock()
        except StackError as error:
            _say(str(error))


def travel(settings: StackSettings, asked: str) -> int:
    """Put the clock of the running stack forward and wait until everything runs at it. Raises NoStack, StackError."""
    folder = Folder(settings.root)
    stack = folder.running()
    if stack["ahead_file"] is None:
        msg = "the clock is put forward only on the stack's own servers: unset DATABASE_URL and KAFKA_BOOTSTRAP_SERVERS"
        raise BadSetting(msg)
    ahead = further(asked, read(Path(stack["ahead_file"])), datetime.now(UTC))
    write(Path(stack["ahead_file"]), ahead)
    os.kill(stack["pid"], signal.SIGUSR1)
    until = time.monotonic() + TRAVEL_S
    while folder.running()["ahead_s"] != ahead.total_seconds():
        if time.monotonic() > until:
            msg = f"not everything was ready within {TRAVEL_S:g} s; the logs are in {stack['logs']}"
            raise StartFailed(msg)
        time.sleep(0.1)
    _say(f"the stack's clock shows {_shown(ahead)}")
    return 0


def _shown(ahead: timedelta) -> str:
    return f"{(datetime.now(UTC) + ahead).astimezone(SHANGHAI):%Y-%m-%d %H:%M} in Shanghai"


def status(settings: StackSettings) -> int:
    """Say what runs and whether it is ready. Raises NoStack."""
    stack = Folder(settings.root).running()
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
    if ahead := timedelta(seconds=stack["ahead_s"]):
        _say(f"{'clock':<15} {_shown(ahead)}, put forward by {ahead}")
    return Exit.DONE if everything_ready else Exit.FAILED


def reset(settings: StackSettings, *, confirmed: bool) -> int:
    """Remove the data, keys and logs of a stack that does not run. A database of one's own is left alone."""
    root = settings.root
    if not (root / "lock").exists():
        _say(f"nothing to remove: {root} is no stack's folder")
        return 0
    folder = Folder(root)
    folder.hold()
    if not confirmed and input(f"Remove {root} with all its data? [y/N] ").strip().lower() not in {"y", "yes"}:
        return Exit.REFUSED
    shutil.rmtree(root)
    _say(f"removed {root}")
    return 0


def client(settings: StackSettings, provider_id: str | None, file: Path | None = None) -> int:
    """Let a program of this provider get tokens from the stack's issuer; what it signs in with is printed, as JSON, or
    kept in a new file that nobody else can read."""
    try:
        organisation = str(UUID(provider_id or ""))
    except ValueError:
        msg = "client needs a provider's id, as `concord providers register` prints it"
        raise BadSetting(msg) from None
    asyncio.run(_known_provider(settings.root, organisation))
    clients = Added(settings.root / "issuer" / "clients.json")
    client_id = f"provider-{organisation}"
    known = clients.get(client_id)  # asked for again, the secret stays: whoever uses it goes on
    secret = known.secret if known else secrets.token_urlsafe(24)
    if known is None:
        clients.put(Identity(client_id, secret, client_id, organisation, roles=("access_provider",)))
    said = json.dumps({"client_id": client_id, "client_secret": secret}) + "\n"
    if file is None:
        sys.stdout.write(said)
    else:
        try:
            write_secret(file, said)
        except OSError as error:
            raise BadFile(f"{file} cannot be written: {error.strerror}") from error
    return 0


def person(settings: StackSettings, name: str, organisation: str, role: str) -> int:
    """Let somebody else sign in: for an organisation of the directory in a role it may fill, or for an operator."""
    if not NAME(name) or name in people():
        msg = f"{name} cannot be a name here: lower-case letters, digits and -, and nobody of people.toml"
        raise BadSetting(msg)
    if role == Role.OPERATOR:
        try:
            organisation = check_uscc(organisation)
        except InvalidIdentifier as error:
            raise BadSetting(error.message) from error
    else:
        asyncio.run(_may_fill(settings.root, organisation, role))
    Added(settings.root / "issuer" / "people.json").put(Identity(name, name, name, organisation, (role,)))
    _say(f"{name} may sign in for {organisation} as {role}; the password is the name")
    return 0


async def _may_fill(root: Path, organisation: str, role: str) -> None:
    """Raises BadSetting unless the directory lets it fill the role, NoStack, Unreachable and ConcordError."""
    stack = Folder(root).running()
    async with Concord.connect(person=OFFICE, places=Places(stack["services"], stack["issuer"])) as office:
        try:
            found = await office.coordination.get(organisation)
        except ConcordError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise
            msg = f"no organisation {organisation} is in the directory: `concord organisations list --as {OFFICE}`"
            raise BadSetting(msg) from None
    if not found.active:
        msg = f"{organisation} is closed: `concord organisations proposals --organisation {organisation} --as {OFFICE}`"
        raise BadSetting(msg)
    if role not in found.kinds:
        msg = f"{organisation} may fill {', '.join(found.kinds)}, not {role}"
        raise BadSetting(msg)


async def _known_provider(root: Path, provider_id: str) -> None:
    """Raises BadSetting unless access-control knows it, NoStack, Unreachable and ConcordError."""
    stack = Folder(root).running()
    async with Concord.connect(person=DESK, places=Places(stack["services"], stack["issuer"])) as desk:
        try:
            await desk.access.get_provider(provider_id)
        except ConcordError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise
            msg = f"no provider {provider_id} is registered here: `concord providers list --as {DESK}` shows them"
            raise BadSetting(msg) from None


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
    parser = argparse.ArgumentParser(
        prog="local_stack", description=__doc__, epilog=table(), formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("run", help="start everything and stay until Ctrl-C (what `make run` does)")
    commands.add_parser("status", help="what runs here, and whether it is ready")
    removal = commands.add_parser("reset", help="remove the data, keys and logs of a stack that does not run")
    removal.add_argument("--yes", action="store_true", help="do not ask")
    travels = commands.add_parser("travel", help="put the clock of the running stack forward; what is due then happens")
    travels.add_argument("to", help="16d, 5h or 30m further, or a day to come, as 2027-03-01 (at 9 in Shanghai)")
    programs = commands.add_parser("client", help="let a provider's program get tokens; prints what it signs in with")
    programs.add_argument("provider_id", help="the provider's id, as `concord providers register` prints it")
    programs.add_argument("file", nargs="?", type=Path, help="a new file to keep it in; without, it is printed")
    somebody = commands.add_parser("person", help="let somebody else sign in, for an organisation or an operator")
    somebody.add_argument("name", help="what they sign in as; the password too")
    somebody.add_argument("organisation", help="its id (`concord organisations list`); of an operator its credit code")
    somebody.add_argument("role", help="one of its kinds, e.g. security_authority; or operator")
    arguments = parser.parse_args()
    does: dict[str, Callable[[StackSettings], int]] = {
        "run": lambda settings: asyncio.run(run(settings)),
        "status": status,
        "reset": lambda settings: reset(settings, confirmed=arguments.yes),
        "travel": lambda settings: travel(settings, arguments.to),
        "client": lambda settings: client(settings, arguments.provider_id, arguments.file),
        "person": lambda settings: person(settings, arguments.name, arguments.organisation, arguments.role),
    }
    try:
        return does[arguments.command](StackSettings.read())
    except StackError as error:
        return _failed(error, error.exit)
    except BadFile as error:
        return _failed(error, Exit.USAGE)
    except NoStack as error:
        return _failed(error, Exit.NO_STACK)
    except Unreachable as error:
        return _failed(error, Exit.UNREACHABLE)
    except ConcordError as error:
        return _failed(f"refused ({error.code}): {error.detail}", Exit.REFUSED)


def _failed(what: object, code: Exit) -> int:
    sys.stderr.write(f"{what}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
