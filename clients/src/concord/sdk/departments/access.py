"""Providers, their keys, and the orders sent to them. Answers are access-control's JSON, as its API pages show it."""

from collections.abc import AsyncIterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from concord.sdk.answers import at
from concord.sdk.departments.base import CALL_S, Department, Id, Json

OrderStatus = Literal[
    "drafted", "released", "received", "executed", "partly", "impossible", "contested", "withdrawn", "superseded"
]


class _Item(BaseModel):
    """An item of a list, as it comes."""

    model_config = ConfigDict(extra="allow")


class Access(Department):
    """Providers, orders and receipts."""

    service = "access-control"

    async def register_provider(self, /, **body: Any) -> Json:
        """Enter a provider."""
        return await self._json("POST", "/providers", json=body)

    async def get_provider(self, provider_id: Id) -> Json:
        """One provider."""
        return await self._json("GET", at("providers", provider_id))

    def providers(self) -> AsyncIterator[Json]:
        """Every provider."""
        return self._items("/providers")

    async def add_key(self, provider_id: Id, jwk: Json) -> Json:
        """Register a public key of a provider."""
        return await self._json("POST", at("providers", provider_id, "keys"), json={"jwk": jwk})

    def orders(
        self, *, status: OrderStatus | None = None, provider_id: Id | None = None, site_id: Id | None = None
    ) -> AsyncIterator[Json]:
        """Orders, newest first."""
        return self._items("/orders", status=status, provider_id=provider_id, site_id=site_id)

    async def get_order(self, order_id: Id) -> Json:
        """One order with its receipts."""
        return await self._json("GET", at("orders", order_id))

    async def withdraw(self, order_id: Id, reasons: str) -> Json:
        """Take an order back in its withdraw window."""
        return await self._json("POST", at("orders", order_id, "withdrawal"), json={"reasons": reasons})

    async def feed(self, provider_id: Id, *, after: int = 0, wait: float = 0, limit: int = 100) -> Json:
        """The orders of a provider from a place in its sequence on; waits up to ``wait`` seconds for one."""
        params = {"after": after, "wait": wait, "limit": limit}
        return await self._json("GET", at("providers", provider_id, "orders"), params=params, timeout_s=wait + CALL_S)

    async def state(self, provider_id: Id) -> Json:
        """The hash of the orders in force at a provider."""
        return await self._json("GET", at("providers", provider_id, "state"))

    async def send_receipts(self, provider_id: Id, receipts: list[str]) -> list[Json]:
        """Hand in signed receipts; a result for each."""
        answer = await self._json("POST", at("providers", provider_id, "receipts"), json={"receipts": receipts})
        return list(answer["results"])

    async def _items(self, path: str, **params: Any) -> AsyncIterator[Json]:
        async for item in self._concord.pages(self.service, path, _Item, **params):
            yield item.model_dump()
