"""The hook that comes with the agent: a small web server that answers 451 (RFC 7725) for a suspended host name."""

import asyncio
import contextlib
import html
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from string import Template
from typing import Final
from urllib.parse import quote, urlsplit

from concord.agent.journal import connect, transaction
from shared.contracts.orders import Order

HEAD_LIMIT: Final = 16_384
HEAD_TIMEOUT_S: Final = 10.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS suspended (
    host     TEXT NOT NULL,
    order_id TEXT NOT NULL,
    site_id  TEXT NOT NULL,
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
<p>接入服务提供者按照主管部门的指令，暂停了对 <strong>$host</strong> 的接入。</p>
<dl>
<dt>备案／许可编号</dt><dd>$number</dd>
<dt>作出决定的部门</dt><dd>$authority</dd>
<dt>依据</dt><dd>$basis</dd>
<dt>理由</dt><dd>$reasons</dd>
<dt>救济途径</dt><dd>$redress_zh</dd>
</dl>
<p><a href="$entry">公开登记簿中的记录</a></p>
<hr>
<section lang="en">
<h1>Unavailable for legal reasons</h1>
<p>The hosting provider has stopped serving <strong>$host</strong>, as it was ordered to.</p>
<dl>
<dt>Registration number</dt><dd>$number</dd>
<dt>Decided by</dt><dd>$authority</dd>
<dt>Legal basis</dt><dd>$basis</dd>
<dt>Reasons</dt><dd>$reasons</dd>
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

    def __init__(self, file: Path, host: str, port: int) -> None:
        self._db = connect(file)
        self._db.executescript(_SCHEMA)
        self._host, self._wanted_port = host, port
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._server is not None, "the server is not started"
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Begin to answer."""
        self._server = await asyncio.start_server(self._answer, self._host, self._wanted_port, limit=HEAD_LIMIT)

    async def stop(self) -> None:
        """Stop answering; keep what is suspended."""
        if self._server is not None:
            self._server.close()
        self._db.close()

    async def suspend(self, order: Order) -> str:
        """From now on answer 451 for every host name of the site."""
        document = order.model_dump_json()
        until = order.until.isoformat() if order.until else None
        rows = [
            (domain.lower(), str(order.order_id), str(order.site.site_id), until, document)
            for domain in order.site.domains
        ]
        with transaction(self._db):
            self._db.executemany("INSERT OR REPLACE INTO suspended VALUES (?, ?, ?, ?, ?)", rows)
        return _said("HTTP 451 on", order)

    async def restore(self, order: Order) -> str:
        """Answer normally again, unless another order still suspends the same host name."""
        with transaction(self._db):
            if order.undoes is not None:
                self._db.execute("DELETE FROM suspended WHERE order_id = ?", (str(order.undoes),))
            else:
                self._db.execute("DELETE FROM suspended WHERE site_id = ?", (str(order.site.site_id),))
        return _said("Served again:", order)

    def suspended_by(self, host: str, now: datetime) -> Order | None:
        """The latest order that suspends this host name, if any is in force; one with an end lapses by itself."""
        rows = self._db.execute("SELECT document, until FROM suspended WHERE host = ? ORDER BY rowid DESC", (host,))
        for row in rows:
            if row["until"] is None or datetime.fromisoformat(row["until"]) > now:
                return Order.model_validate_json(row["document"])
        return None

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self.respond(head))
                await writer.drain()
        except asyncio.LimitOverrunError:
            writer.write(_response("431 Request Header Fields Too Large", "", {}))
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            pass  # whoever asked has gone, or never came to the point: there is nobody to answer
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def respond(self, head: bytes) -> bytes:
        """The answer to a request, given its head."""
        parsed = _parse(head)
        if parsed is None:
            return _response("400 Bad Request", "The request needs a Host.\n", {"Content-Type": "text/plain"})
        method, host = parsed
        order = self.suspended_by(host, datetime.now(UTC))
        if order is not None:
            link = f'<{_uri(order.register_entry)}>; rel="blocked-by"'
            headers = {"Link": link, "Content-Language": "zh-CN, en", **_SECURITY}
            return _response("451 Unavailable For Legal Reasons", blocked_page(host, order), headers, method=method)
        if method not in {"GET", "HEAD"}:
            return _response("405 Method Not Allowed", "", {"Allow": "GET, HEAD"}, method=method)
        page = _SERVING.substitute(host=html.escape(host), style=_STYLE)
        return _response("200 OK", page, _SECURITY, method=method)


def blocked_page(host: str, order: Order) -> str:
    """The page for a suspended host name, in Chinese and English. It loads nothing and remembers nobody."""
    redress = order.redress
    zh = f"{redress.authority}：{redress.how}（{redress.within_days} 日内）" if redress else "见公开登记簿"
    en = (
        f"{redress.authority}: {redress.how}, within {redress.within_days} days"
        if redress
        else "See the public register"
    )
    values = {
        "host": host,
        "number": order.site.number,
        "authority": order.authority,
        "basis": "; ".join(order.legal_basis),
        "reasons": order.reasons,
        "redress_zh": zh,
        "redress_en": en,
        "entry": _uri(order.register_entry),
    }
    return _SUSPENDED.substitute({name: html.escape(value) for name, value in values.items()}, style=_STYLE)


def _said(what: str, order: Order) -> str:
    return f"{what} {', '.join(order.site.domains)}"[:500]


def _uri(text: str) -> str:
    """A URI that can stand in a header and in a page: http or https, and only characters that URIs have."""
    if urlsplit(text).scheme not in {"http", "https"}:
        return "about:blank"
    return quote(text, safe=":/?#[]@!$&'()*+,;=-._~%")


def _parse(head: bytes) -> tuple[str, str] | None:
    """Method and host name of a request; None if it has none. Ports and letter case do not matter."""
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        return None
    named = urlsplit(parts[1]).netloc if "://" in parts[1] else ""
    hosts = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("host:")]
    host = named or (hosts[0] if len(hosts) == 1 else "")
    if not host.startswith("["):
        host = host.partition(":")[0]
    return (parts[0], host.lower().removesuffix(".")) if host else None


def _response(status: str, body: str, headers: Mapping[str, str], *, method: str = "GET") -> bytes:
    content = body.encode()
    fields = {
        "Date": formatdate(usegmt=True),
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": str(len(content)),
        "Connection": "close",
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + (b"" if method == "HEAD" else content)
