"""Asks a running nginx how it answers for host names. A suspended one answers 451 with our link, and at once.

Whatever else a name answers with, or takes its time for, is its site's own affair: what is given back depends on no
customer's site.
"""

import asyncio
import ssl
from collections.abc import Collection, Container, Mapping, Sequence
from types import TracebackType
from typing import Final, Self

import httpx

from concord.agent.page import links
from shared.contracts.orders import Order

ANSWER_S: Final = 1.0
"""Our answer comes from a file, in milliseconds: what takes longer is the site itself."""
_SIDE_BY_SIDE: Final = 32
_BLOCKED_BY: Final = '>; rel="blocked-by"'


class Asking:
    """One round of questions after another, to the same nginx."""

    def __init__(
        self, check: Sequence[str], page: Mapping[str, tuple[str, bytes] | None], ours: Container[str], *, cutting: bool
    ) -> None:
        """``page``: by host name the header Link and the page that it must show; None: it must not show any of ours.

        ``ours``: the links of this provider. ``cutting``: whether a name that must show a page and does not
        answer at all is wrong; where something is only given back, it is not.
        """
        self._check, self._page, self._ours, self._cutting = check, page, ours, cutting
        self._places = asyncio.Semaphore(_SIDE_BY_SIDE)
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE  # it is our own machine, by address
        limits = httpx.Limits(max_connections=_SIDE_BY_SIDE, max_keepalive_connections=0)
        self._http = httpx.AsyncHTTPTransport(verify=trust, trust_env=False, limits=limits)  # it keeps no cookies

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def wrong(self, names: Collection[str]) -> dict[str, str]:
        """What is answered otherwise than it should be, by name; under an address, if nobody answers for any name."""
        for base in self._check:
            if silent := await _silent(base):
                return {base: silent}
        asked = [(base, name) for base in self._check for name in names]
        found = await asyncio.gather(*(self._wrong(base, name) for base, name in asked))
        return {name: said for (_, name), said in zip(asked, found, strict=True) if said}

    async def _wrong(self, base: str, name: str) -> str:
        page = self._page[name]
        async with self._places:
            try:
                async with asyncio.timeout(ANSWER_S):
                    status, link, content = await self._ask(base, name, page)
            except (httpx.HTTPError, TimeoutError) as error:  # a site that is slow, or closes the door
                return f"{base} does not answer for {name}: {error!r}" if page is not None and self._cutting else ""
        if page is None:
            return f"{base} still answers 451 for {name}" if status == 451 and link in self._ours else ""
        if status != 451:
            return f"{base} answers {status} for {name}: is server.conf in its server block?"
        return "" if (link, content) == page else f"{base} answers 451 for {name}, and not with our page"

    async def _ask(self, base: str, name: str, page: tuple[str, bytes] | None) -> tuple[int, str, bytes]:
        """Status, link and, if a page of ours may be there, the content. Of a site's own answer the head alone.

        Nor is more read than that page is long: a site may answer with our link, and never end.
        """
        method = "HEAD" if page is None else "GET"
        headers = {"Host": name, "Connection": "close", "User-Agent": "concord-agent"}
        request = httpx.Request(method, base, headers=headers, extensions={"sni_hostname": name})
        answer = await self._http.handle_async_request(request)
        try:
            link, content = answer.headers.get("Link", ""), b""
            if page is not None and link == page[0]:
                async for part in answer.aiter_raw():
                    content += part
                    if len(content) > len(page[1]):
                        break
            return answer.status_code, link, content
        finally:
            await answer.aclose()


class Ours:
    """The links of this provider: those that nginx was told, and any that says it is this provider who blocks."""

    def __init__(self, told: str, causes: Collection[Order], about: str | None) -> None:
        """``told``: what the folder said before, as nginx reads it."""
        self._told = told
        self._blockers = {links(cause, each).partition(_BLOCKED_BY)[0] for cause in causes for each in (about, None)}

    def __contains__(self, link: object) -> bool:
        """Whether a header Link is one of them."""
        blocker, found, _ = str(link).partition(_BLOCKED_BY)
        return bool(found) and (blocker in self._blockers or quoted(str(link)) in self._told)


def quoted(link: str) -> str:
    """A header Link as nginx is told it."""
    return '"' + link.replace('"', '\\"') + '"'


async def _silent(base: str) -> str:
    """Says that nothing listens at an address; empty if something does."""
    url = httpx.URL(base)
    try:
        async with asyncio.timeout(ANSWER_S):
            _, writer = await asyncio.open_connection(url.host, url.port or {"https": 443}.get(url.scheme, 80))
    except (OSError, TimeoutError) as error:
        return f"nothing listens at {base} ({error!r}): is it an address of this nginx?"
    writer.close()
    return ""
