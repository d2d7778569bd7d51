"""The agent's command line: ``python -m concord.agent.main run --config agent.toml``."""

import asyncio
import contextlib
import json
import logging
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from concord.agent.agent import Agent, HttpOutbox, Outbox, Topic
from concord.agent.config import BadConfig, Config
from concord.agent.door import Door
from concord.agent.hooks import CommandHook, Hook
from concord.agent.intake import Intake, Keys, Receipts
from concord.agent.journal import Journal, JournalInUse
from concord.agent.web import WebHook
from concord.exits import Exit, table


class AddressInUse(Exception):
    """Another program has the web hook's address, or this machine does not."""


app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, epilog="\b\n" + table())
ConfigFile = Annotated[Path, typer.Option("--config", help="TOML file; docs/providers.md lists its keys.")]


@app.callback()
def _agent() -> None:
    """Carries out orders and signs receipts."""


@app.command()
def run(config: ConfigFile) -> None:
    """Work until stopped (Ctrl-C, SIGTERM). Killing it at any moment loses nothing."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s")
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with _told():
        asyncio.run(serve(Config.read(config)))


@app.command()
def status(config: ConfigFile) -> None:
    """What the journal holds, as JSON. The agent must not be running."""
    with _told():
        settings = Config.read(config)
        journal = _journal(settings)
    in_force, digest = journal.in_force()
    report = {"last_sequence": journal.last_sequence, "in_force": in_force, "hash": digest, **journal.counts()}
    typer.echo(json.dumps(report, indent=1))
    journal.close()


async def serve(config: Config) -> None:
    """Run the agent a configuration describes until it is told to stop."""
    receipts = Receipts(config.provider_id, config.signer())
    with contextlib.closing(_journal(config)) as journal:
        async with Door.open(config) as door, _hook(config) as hook:
            keys = Keys(journal, lambda: door.keys(config.jwks_url))
            agent = Agent(config, journal, Intake(config.provider_id, journal, keys, receipts), receipts, door)
            outbox, topic = _ways(config, journal, door, keys, receipts)
            logging.getLogger(__name__).info("agent of %s: orders via %s", config.provider_id, config.via)
            working = asyncio.create_task(agent.run(hook, outbox, topic))
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, working.cancel)
            with contextlib.suppress(asyncio.CancelledError):
                await working


def _ways(config: Config, journal: Journal, door: Door, keys: Keys, receipts: Receipts) -> tuple[Outbox, Topic | None]:
    """How receipts go out, and the topic that orders come from, if any."""
    if "kafka" not in {config.via, config.receipts_via}:
        return HttpOutbox(door, journal, keys, receipts), None
    from concord.agent.topic import KafkaOutbox, OrdersTopic  # noqa: PLC0415 - aiokafka is slow to load

    outbox: Outbox = (
        KafkaOutbox(config, receipts) if config.receipts_via == "kafka" else HttpOutbox(door, journal, keys, receipts)
    )
    return outbox, OrdersTopic(config, journal).follow if config.via == "kafka" else None


@contextlib.asynccontextmanager
async def _hook(config: Config) -> AsyncIterator[Hook]:
    if config.hook == "command":
        assert config.command is not None
        yield CommandHook(config.command, config.command_timeout_s)
        return
    web = WebHook(config.state_file, config.web_host, config.web_port, about=config.web_about)
    try:
        await web.start()
    except OSError as error:
        where = f"http://{config.web_host}:{config.web_port}"
        raise AddressInUse(f"{where} cannot be listened on: {error.strerror or error}") from error
    logging.getLogger(__name__).info("answering for every host name on http://%s:%d", config.web_host, web.port)
    try:
        yield web
    finally:
        await web.stop()


def _journal(config: Config) -> Journal:
    try:
        return Journal(config.state_file, config.provider_id)
    except (OSError, sqlite3.Error) as error:
        raise BadConfig(f"state_file {config.state_file} cannot be used: {error}") from error


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What a person can mend is said in one line, with an exit code."""
    try:
        yield
    except (JournalInUse, AddressInUse) as error:
        _fail(str(error), Exit.IN_USE)
    except BadConfig as error:
        _fail(str(error), Exit.USAGE)


def _fail(message: str, code: Exit) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)


if __name__ == "__main__":
    app()
