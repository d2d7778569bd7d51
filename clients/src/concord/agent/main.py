"""The agent's command line: ``python -m concord.agent.main run --config agent.toml``."""

import asyncio
import contextlib
import errno
import json
import logging
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated, Final, NoReturn
from uuid import UUID

import typer

from concord.agent.agent import Agent, Topic
from concord.agent.config import BadConfig, Config
from concord.agent.door import Door
from concord.agent.hooks import CommandHook, Hook, HttpHook
from concord.agent.intake import BadOrder, Gap, Intake, Keys, Receipts, Unproven
from concord.agent.journal import Journal, JournalInUse, NotOurs
from concord.agent.listener import Limits, Listener
from concord.agent.nginx import Nginx, NginxHook
from concord.agent.outbox import HttpOutbox, Outbox
from concord.agent.report import Metrics, report
from concord.agent.web import WebHook
from concord.exits import Exit, table
from concord.sdk.errors import ConcordError, Unreachable


class AddressInUse(Exception):
    """Another program has the web hook's address."""


class NotNow(Exception):
    """What may be otherwise in a moment: whoever supervises the agent starts it again."""


_DAMAGED: Final = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
_WAY_OUT: Final = "; keep the file, and start with a new state_file: the snapshot says what is in force"

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, epilog="\b\n" + table())
ConfigFile = Annotated[Path, typer.Option("--config", help="TOML file; docs/providers.md lists its keys.")]


@app.callback()
def _agent() -> None:
    """Carries out orders and signs receipts."""


@app.command()
def run(
    config: ConfigFile,
    once: Annotated[bool, typer.Option(help="Take what is there, carry it out, hand in receipts, and end.")] = False,
) -> None:
    """Work until stopped (Ctrl-C, SIGTERM). Killing it at any moment loses nothing."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s")
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with _told():
        done = asyncio.run(serve(Config.read(config), once=once))
    if not done:
        _fail("something is left to do: see `status`", Exit.FAILED)


@app.command()
def status(config: ConfigFile) -> None:
    """Place, head, state, last contact, pending orders and alarms, as JSON; the agent may be running."""
    with _told(), contextlib.closing(_journal(Config.read(config), look_only=True)) as journal:
        typer.echo(json.dumps(report(journal), indent=1, ensure_ascii=False))


@app.command()
def acknowledge(config: ConfigFile) -> None:
    """A person has seen the alarms: forget them. What is still wrong rings again."""
    with _told(), contextlib.closing(_journal(Config.read(config), look_only=True)) as journal:
        journal.alarms.calm()


@app.command()
def retry(config: ConfigFile, sequence: Annotated[int, typer.Argument(help="Place of the order.")]) -> None:
    """Try an order again that was called impossible: you can now, or its issuer said that it stands."""
    with _told(), contextlib.closing(_journal(Config.read(config), look_only=True)) as journal:
        if not journal.reopen(sequence):
            _fail(f"order {sequence} is not one that was called impossible", Exit.REFUSED)


@app.command()
def resend(config: ConfigFile) -> None:
    """Hand in again the receipts that were refused: what they were refused for has been put right."""
    with _told(), contextlib.closing(_journal(Config.read(config), look_only=True)) as journal:
        typer.echo(f"{journal.hand_in_again()} receipt(s) are handed in again")


@app.command()
def nginx(config: ConfigFile) -> None:
    """Write what nginx includes (`nginx_folder`): http.conf once in http { }, server.conf first in each server { }."""
    with _told():
        found = nginx_of(Config.read(config))
        try:
            found.install()
        except OSError as error:
            raise BadConfig(f"nginx_folder {found.folder} cannot be written: {error.strerror or error}") from error
    typer.echo("\n".join(f"include {file};" for file in found.fixed()))


async def serve(config: Config, *, once: bool = False) -> bool:
    """Run the agent a configuration describes until it is told to stop; gives whether nothing is left to do."""
    receipts = Receipts(config.provider_id, config.signer())
    with contextlib.closing(_journal(config)) as journal:
        async with Door.open(config) as door, hook_of(config, journal.payload) as hook, _metrics(config, journal):
            keys = Keys(journal, lambda: door.keys(config.jwks_url), config.keys_every_s)
            agent = Agent(config, journal, Intake(config.provider_id, journal, keys, receipts), receipts, door)
            outbox, topic = _ways(config, journal, door, keys, receipts)
            if once:
                return await _once(agent, hook, outbox)
            logging.getLogger(__name__).info("agent of %s: orders via %s", config.provider_id, config.via)
            working = asyncio.create_task(agent.run(hook, outbox, topic))
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, working.cancel)
            with contextlib.suppress(asyncio.CancelledError):
                await working
            return True


async def _once(agent: Agent, hook: Hook, outbox: Outbox) -> bool:
    try:
        return await agent.once(hook, outbox)
    except Unreachable as error:
        _fail(str(error), Exit.UNREACHABLE)
    except (ConcordError, BadOrder, Gap, Unproven) as error:
        _fail(str(error), Exit.REFUSED)


@contextlib.asynccontextmanager
async def _metrics(config: Config, journal: Journal) -> AsyncIterator[None]:
    if config.metrics_port is None:
        yield
        return
    listener, log = Listener(Metrics(journal).respond, Limits(connections=20)), logging.getLogger(__name__)
    try:
        await listener.start("127.0.0.1", config.metrics_port)
    except OSError as error:  # orders are carried out, measured or not
        log.warning("no metrics: port %d cannot be listened on: %s", config.metrics_port, error.strerror or error)
    else:
        log.info("metrics on http://127.0.0.1:%d/metrics", listener.port)
    try:
        yield
    finally:
        await listener.stop()


async def _listen(starting: Awaitable[None], where: str) -> None:
    try:
        await starting
    except OSError as error:
        said = f"{where} cannot be listened on: {error.strerror or error}"
        if error.errno == errno.EADDRINUSE:
            raise AddressInUse(said) from error
        if isinstance(error, PermissionError):
            raise BadConfig(said) from error
        raise NotNow(said) from error  # an address that this machine has not got yet


def _ways(config: Config, journal: Journal, door: Door, keys: Keys, receipts: Receipts) -> tuple[Outbox, Topic | None]:
    """How receipts go out, and the topic that orders come from, if any."""
    if "kafka" not in {config.via, config.receipts_via}:
        return HttpOutbox(door, journal, keys, receipts), None
    from concord.agent.topic import KafkaOutbox, OrdersTopic  # noqa: PLC0415 - aiokafka is slow to load

    outbox: Outbox = (
        KafkaOutbox(config, door, journal, keys, receipts)
        if config.receipts_via == "kafka"
        else HttpOutbox(door, journal, keys, receipts)
    )
    return outbox, OrdersTopic(config, journal).follow if config.via == "kafka" else None


@contextlib.asynccontextmanager
async def hook_of(config: Config, known: Callable[[UUID], bytes | None] = lambda _: None) -> AsyncIterator[Hook]:
    """What carries orders out, as the configuration says. ``known``: the signed bytes of an order, from the journal."""
    match config.hook:
        case "command":
            assert config.command is not None
            yield CommandHook(config.command, config.command_timeout_s)
        case "http":
            assert config.hook_url is not None
            async with contextlib.aclosing(
                HttpHook(config.hook_url, config.hook_token, config.command_timeout_s)
            ) as http:
                yield http
        case "nginx":
            found = nginx_of(config)
            if missing := found.missing():
                names = ", ".join(map(str, missing))
                raise BadConfig(f"{names}: not there, or not as this agent writes it; run `concord-agent nginx`")
            yield NginxHook(found, config.web_about, known)
        case "web":
            web = WebHook(config.state_file, config.web_host, config.web_port, about=config.web_about)
            await _listen(web.start(), f"http://{config.web_host}:{config.web_port}")
            log = logging.getLogger(__name__)
            log.info("answering for every host name on http://%s:%d", config.web_host, web.port)
            try:
                yield web
            finally:
                await web.stop()


def nginx_of(config: Config) -> Nginx:
    """The nginx that a configuration describes."""
    commands = (config.nginx_test, config.nginx_reload)
    return Nginx(config.nginx_folder, *commands, config.nginx_check, config.command_timeout_s)


def _journal(config: Config, *, look_only: bool = False) -> Journal:
    try:
        return Journal(config.state_file, config.provider_id, look_only=look_only)
    except (NotOurs, OSError, sqlite3.Error) as error:
        kind = BadConfig if _for_people(error, config.state_file) else NotNow
        said = f"state_file {config.state_file} cannot be used: {error}"
        raise kind(said + (_WAY_OUT if _code(error) in _DAMAGED else "")) from error


def _for_people(error: Exception, file: Path) -> bool:
    """Whether only a person can mend it: rights, or a file that is damaged or no journal of this provider's."""
    if isinstance(error, sqlite3.Error):
        return _code(error) in _DAMAGED or (file.exists() and not (file.is_file() and _may_write(file)))
    return isinstance(error, NotOurs | PermissionError | NotADirectoryError | FileExistsError)


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _may_write(file: Path) -> bool:
    return os.access(file, os.R_OK | os.W_OK)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What hinders the agent is said in one line, with an exit code: 2 and 6 are for a person, 5 for the next start."""
    try:
        yield
    except (JournalInUse, AddressInUse) as error:
        _fail(str(error), Exit.IN_USE)
    except BadConfig as error:
        _fail(str(error), Exit.USAGE)
    except NotNow as error:
        _fail(str(error), Exit.FAILED)


def _fail(message: str, code: Exit) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)


if __name__ == "__main__":
    app()
