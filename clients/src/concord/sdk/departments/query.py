"""Look-ups, and the public register."""

from collections.abc import AsyncIterable, AsyncIterator

from concord.sdk.answers import at, model_of
from concord.sdk.departments.base import Department
from shared.contracts.http.query import LookupAnswer, PublicAnswer
from shared.contracts.http.register import RegisterEntry

BULK_REQUEST = 512 * 1024


class Query(Department):
    """Look-ups."""

    service = "query"

    async def lookup(self, *, purpose: str, **key: str) -> LookupAnswer:
        """Look up by ``domain``, ``ip``, ``number``, or ``key`` of any shape, as an official.

        ``purpose``: why; kept in the audit with your name.
        """
        answer = await self._concord.call(self.service, "GET", "/lookup", params=key, headers=_why(purpose))
        return model_of(answer, LookupAnswer)

    async def public_lookup(self, **key: str) -> PublicAnswer:
        """Look up what everybody may know, by ``domain``, ``number``, or ``key`` of either shape."""
        return await self._get(PublicAnswer, "/public/lookup", **key)

    async def register_entry(self, number: str) -> RegisterEntry:
        """The public register entry of a registration."""
        return await self._get(RegisterEntry, at("public", "register", number))

    async def bulk(
        self, keys: AsyncIterable[bytes], *, purpose: str, by: str = "auto", form: str = "ndjson"
    ) -> AsyncIterator[bytes]:
        """Look up any number of keys, one a line: chunks of lines in, the answers as chunks of lines out, in order.

        Sent in requests of at most BULK_REQUEST bytes, because an HTTP/1.1 client here reads only after it has sent.
        ``form``: ndjson or csv; the CSV header comes once. ``purpose``: why; kept in the audit with every key.
        """
        first, pending = True, b""
        async for chunk in keys:
            pending += chunk
            while len(pending) >= BULK_REQUEST:
                cut = pending.rfind(b"\n", 0, BULK_REQUEST) + 1 or BULK_REQUEST
                async for part in self._bulk(pending[:cut], by, form, purpose, header=first):
                    yield part
                first, pending = False, pending[cut:]
        if pending or first:
            async for part in self._bulk(pending, by, form, purpose, header=first):
                yield part

    async def _bulk(self, lines: bytes, by: str, form: str, purpose: str, *, header: bool) -> AsyncIterator[bytes]:
        skip = form == "csv" and not header
        async with self._concord.stream(
            self.service, "POST", "/lookup/bulk", lines, params={"by": by, "format": form}, headers=_why(purpose)
        ) as answer:
            async for chunk in answer.aiter_bytes():
                if skip:
                    _, newline, chunk = chunk.partition(b"\n")  # noqa: PLW2901
                    skip = not newline
                if chunk:
                    yield chunk


def _why(purpose: str) -> dict[str, bytes]:
    """The header that says why one looks something up. Bytes: people write UTF-8."""
    return {"X-Purpose": " ".join(purpose.split()).encode()}
