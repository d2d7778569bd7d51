"""The hook that comes with the agent: a small web server that answers 451 (RFC 7725) for a suspended host name."""

import html
import re
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from typing import Final

import h11

from concord.agent.listener import Answer, Limits, Listener
from concord.agent.page import STYLE, blocked_page, lineage, links, means, said
from concord.agent.store import connect, transaction
from shared.contracts.orders import Order

HOST: Final = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]").fullmatch
LONGEST_HOST: Final = 253
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS suspended (
    host     TEXT NOT NULL,
    order_id TEXT NOT NULL,
    until    TEXT,
    document TEXT NOT NULL,
    PRIMARY KEY (host, order_id)
) STRICT;
CREATE INDEX IF NOT EXISTS suspended_order ON suspended (order_id);
"""
_SECURITY: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_SERVING: Final = Template(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>$host</title><style>$style</style></head>
<body><h1>$host</h1><p>网站正常运行。This site is being served.</p></body></html>
"""
)


class WebHook:
    """A web server for every host name of a provider. What is suspended survives a restart."""

    def __init__(
        self, file: Path, host: str, port: int, *, about: str | None = None, limits: Limits | None = None
    ) -> None:
        """``about``: page of the provider, for the link ``blocked-by``; its id stands in."""
        self._db = connect(file)
        self._db.executescript(_SCHEMA)
        self._host, self._wanted_port, self._about = host, port, about
        self._listener = Listener(self.respond, limits or Limits())

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._listener.port

    async def start(self) -> None:
        """Begin to answer. Raises OSError when the address is taken."""
        await self._listener.start(self._host, self._wanted_port)

    async def stop(self) -> None:
        """Stop answering; keep what is suspended."""
        await self._listener.stop()
        self._db.close()

    async def suspend(self, order: Order) -> str:
        """From now on answer 451 for every host name that the order means."""
        document = order.model_dump_json()
        until = order.until.isoformat() if order.until else None
        rows = [(host.lower(), str(order.order_id), until, document) for host in order.site.hosts]
        with transaction(self._db):
            self._db.executemany("INSERT OR REPLACE INTO suspended VALUES (?, ?, ?, ?)", rows)
        return said("HTTP 451 on", order)

    async def restore(self, order: Order) -> str:
        """Take back the order that this one undoes; what another order suspends stays suspended."""
        with transaction(self._db):
            self._db.execute("DELETE FROM suspended WHERE order_id = ?", (str(order.undoes),))
        return said("Served again:", order)

    async def resume(self, order: Order) -> str:
        """A suspension has ended, which shows by its end alone; what another order suspends stays suspended."""
        with transaction(self._db):
            self._db.execute("DELETE FROM suspended WHERE order_id = ?", (str(order.order_id),))
        return said("Served again:", order)

    def suspended_by(self, host: str, now: datetime) -> Order | None:
        """The latest order in force that means this host name, if any; one with an end lapses by itself."""
        names = lineage(host)
        marks = ", ".join("?" * len(names))
        sql = f"SELECT document, until FROM suspended WHERE host IN ({marks}) ORDER BY rowid DESC"  # noqa: S608
        for row in self._db.execute(sql, names):
            if row["until"] is None or datetime.fromisoformat(row["until"]) > now:
                order = Order.model_validate_json(row["document"])
                if means(order.site, host):
                    return order
        return None

    def respond(self, request: h11.Request) -> Answer:
        """What is answered to a request, by its host name."""
        host = host_of(request)
        if host is None:
            return Answer(400, "The request needs a host name.\n", {"Content-Type": "text/plain"})
        order = self.suspended_by(host, datetime.now(UTC))
        if order is not None:
            headers = {"Link": links(order, self._about), "Content-Language": "zh-CN, en", **_SECURITY}
            return Answer(451, blocked_page(host, order), headers)
        if request.method not in {b"GET", b"HEAD"}:
            return Answer(405, headers={"Allow": "GET, HEAD"})
        return Answer(200, _SERVING.substitute(host=html.escape(host), style=STYLE), _SECURITY)


def host_of(request: h11.Request) -> str | None:
    """The host name that is asked for; none if there is none, or it is no name. Port and letter case do not matter."""
    given = next((value for name, value in request.headers if name == b"host"), b"").decode("ascii", "replace")
    if b"://" in request.target:  # in absolute form the target counts, not Host (RFC 9112 section 3.2.2)
        given = request.target.decode("ascii", "replace").partition("://")[2]
        given = re.split("[/?#]", given, maxsplit=1)[0].rpartition("@")[2]
    name = given.strip().lower()
    name = re.sub(r":[0-9]*$", "", name).removesuffix(".")
    return name if len(name) <= LONGEST_HOST and HOST(name) else None
