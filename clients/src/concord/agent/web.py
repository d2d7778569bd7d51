"""The hook that comes with the agent: a small web server that answers 451 (RFC 7725) for a suspended host name."""

import html
import re
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from typing import Final
from urllib.parse import quote, urlsplit

import h11

from concord.agent.journal import connect, transaction
from concord.agent.listener import Answer, Limits, Listener
from shared.contracts.orders import Order, OrderedSite

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
_STYLE: Final = (
    "body{max-width:42rem;margin:3rem auto;padding:0 1rem;font:1rem/1.6 system-ui,sans-serif;color:#222}"
    "dt{font-weight:600;margin-top:1rem}dd{margin:0}hr{margin:2rem 0}"
)
_SUSPENDED: Final = Template(
    """<!doctype html>
<html lang="zh-CN">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>451 · 本网站已被停止接入 · Unavailable for legal reasons</title><style>$style</style></head>
<body>
<h1>本网站已被停止接入</h1>
<p>接入服务提供者按照主管部门的指令，停止了对 <strong>$host</strong> 的接入。</p>
<dl>
<dt>网站</dt><dd>$site</dd>
<dt>备案／许可编号</dt><dd>$number_zh</dd>
<dt>作出决定的部门</dt><dd>$authority_zh</dd>
<dt>下达指令的部门</dt><dd>$issuer_zh</dd>
<dt>依据</dt><dd>$basis</dd>
<dt>理由</dt><dd>$reasons</dd>
<dt>期限</dt><dd>$until_zh</dd>
<dt>救济途径</dt><dd>$redress_zh</dd>
</dl>
<p><a href="$entry">公开登记簿中的记录</a></p>
<hr>
<section lang="en">
<h1>Unavailable for legal reasons</h1>
<p>The hosting provider has stopped serving <strong>$host</strong>, as it was ordered to.</p>
<dl>
<dt>Site</dt><dd>$site</dd>
<dt>Registration number</dt><dd>$number_en</dd>
<dt>Decided by</dt><dd>$authority_en</dd>
<dt>Ordered by</dt><dd>$issuer_en</dd>
<dt>Legal basis</dt><dd>$basis</dd>
<dt>Reasons</dt><dd>$reasons</dd>
<dt>Until</dt><dd>$until_en</dd>
<dt>How to challenge this</dt><dd>$redress_en</dd>
</dl>
<p><a href="$entry">Entry in the public register</a></p>
</section>
</body></html>
"""
)
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
        return _said("HTTP 451 on", order)

    async def restore(self, order: Order) -> str:
        """Take back the order that this one undoes; what another order suspends stays suspended."""
        with transaction(self._db):
            self._db.execute("DELETE FROM suspended WHERE order_id = ?", (str(order.undoes),))
        return _said("Served again:", order)

    async def resume(self, order: Order) -> str:
        """A suspension has ended, which shows by its end alone; what another order suspends stays suspended."""
        with transaction(self._db):
            self._db.execute("DELETE FROM suspended WHERE order_id = ?", (str(order.order_id),))
        return _said("Served again:", order)

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
            headers = {"Link": self._links(order), "Content-Language": "zh-CN, en", **_SECURITY}
            return Answer(451, blocked_page(host, order), headers)
        if request.method not in {b"GET", b"HEAD"}:
            return Answer(405, headers={"Allow": "GET, HEAD"})
        return Answer(200, _SERVING.substitute(host=html.escape(host), style=_STYLE), _SECURITY)

    def _links(self, order: Order) -> str:
        """Who implements the block (RFC 7725 section 4: not who demands it), and where the decision is described."""
        blocker = _uri(self._about) if self._about else f"urn:uuid:{order.provider_id}"
        return f'<{blocker}>; rel="blocked-by", <{_uri(order.register_entry)}>; rel="describedby"'


def lineage(host: str) -> list[str]:
    """A host name and every name above it: ``www.a.example``, ``a.example``, ``example``."""
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


def means(site: OrderedSite, host: str) -> bool:
    """Whether an order about ``site`` means this host name: the nearest name at or above it that the order names says.

    A host that it names is meant, with the names below it if ``names_below``; a spared name is not, nor what lies
    below that.
    """
    hosts, spared = ({name.lower() for name in names} for names in (site.hosts, site.spared))
    for name in lineage(host):
        if name in hosts:
            return site.names_below or name == host
        if name in spared:
            return False
    return False


def blocked_page(host: str, order: Order) -> str:
    """The page for a suspended host name, in Chinese and English. It loads nothing and remembers nobody."""
    grounds = order.grounds
    if grounds is None:
        raise ValueError("an order that burdens nobody blocks nothing")
    redress = grounds.redress
    until = f"{order.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if order.until else None
    values = {
        "host": host,
        "site": order.site.name,
        "number_zh": order.site.number or "未备案",
        "number_en": order.site.number or "Not registered",
        "authority_zh": order.authority.names.zh,
        "authority_en": order.authority.names.en,
        "issuer_zh": order.issuer.names.zh,
        "issuer_en": order.issuer.names.en,
        "basis": "; ".join(grounds.legal_basis),
        "reasons": grounds.public_reasons,
        "until_zh": until or "直至恢复",
        "until_en": until or "Until it is restored",
        "redress_zh": f"{redress.body.names.zh}：{redress.how}（自通知送达之日起 {redress.within_days} 日内）",
        "redress_en": f"{redress.body.names.en}: {redress.how}, within {redress.within_days} days of the notice",
        "entry": _uri(order.register_entry),
    }
    return _SUSPENDED.substitute({name: html.escape(value) for name, value in values.items()}, style=_STYLE)


def _said(what: str, order: Order) -> str:
    site = order.site
    below = " and names below" if site.names_below else ""
    spared = f", except {', '.join(site.spared)}" if site.spared else ""
    return f"{what} {', '.join(site.hosts)}{below}{spared}"[:500]


def _uri(text: str) -> str:
    """A URI that can stand in a header and in a page: http or https, and only characters that URIs have."""
    if urlsplit(text).scheme not in {"http", "https"}:
        return "about:blank"
    return quote(text, safe=":/?#[]@!$&'()*+,;=-._~%")


def host_of(request: h11.Request) -> str | None:
    """The host name that is asked for; none if there is none, or it is no name. Port and letter case do not matter."""
    given = next((value for name, value in request.headers if name == b"host"), b"").decode("ascii", "replace")
    if b"://" in request.target:  # in absolute form the target counts, not Host (RFC 9112 section 3.2.2)
        given = request.target.decode("ascii", "replace").partition("://")[2]
        given = re.split("[/?#]", given, maxsplit=1)[0].rpartition("@")[2]
    name = given.strip().lower()
    name = re.sub(r":[0-9]*$", "", name).removesuffix(".")
    return name if len(name) <= LONGEST_HOST and HOST(name) else None
