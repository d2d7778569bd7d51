"""Providers, their keys and conduct, the orders sent to them, and instructions to the supervisors of networks."""

from collections.abc import AsyncIterator

from concord.sdk.answers import at, model_of
from concord.sdk.departments.base import CALL_S, Id, Json
from concord.sdk.departments.providers import Providers
from shared.contracts.http import access as wire
from shared.contracts.http.emergencies import EmergencyReport, EmergencyView
from shared.contracts.http.observed import ObservedView
from shared.contracts.http.receipts import ReceiptAnswer, ReceiptBatchView, SignedReceipts
from shared.contracts.http.webhooks import NewWebhook, WebhookView


class Access(Providers):
    """Providers, orders and receipts."""

    # --- orders ------------------------------------------------------------------------------------------------------

    def orders(
        self,
        *,
        status: wire.OrderStatus | None = None,
        provider_id: Id | None = None,
        site_id: Id | None = None,
    ) -> AsyncIterator[wire.OrderView]:
        """Orders, newest first."""
        return self._pages(wire.OrderView, "/orders", status=status, provider_id=provider_id, site_id=site_id)

    async def get_order(self, order_id: Id) -> wire.OrderDetailView:
        """One order with its receipts."""
        return await self._get(wire.OrderDetailView, at("orders", order_id))

    async def observed(self, order_id: Id) -> ObservedView:
        """What its provider signed beside what was seen."""
        return await self._get(ObservedView, at("orders", order_id, "observed"))

    async def queue(self, provider_id: Id, *, after: int = 0, limit: int = 100) -> wire.QueueView:
        """What waits for a provider's capacity, from behind a place on; names no site. For everybody."""
        return await self._get(wire.QueueView, at("providers", provider_id, "queue"), after=after, limit=limit)

    async def withdraw(self, order_id: Id, body: wire.WithReasons) -> wire.OrderView:
        """Take an order back in its withdraw window."""
        return await self._post(wire.OrderView, at("orders", order_id, "withdrawal"), body)

    async def ask_reissue(self, order_id: Id, body: wire.WithReasons) -> wire.OrderView:
        """Ask, as one person, that an order that was taken back be sent again."""
        return await self._post(wire.OrderView, at("orders", order_id, "reissue-request"), body)

    async def reissue(self, order_id: Id, body: wire.WithReasons) -> wire.OrderView:
        """Send it again, as another one."""
        return await self._post(wire.OrderView, at("orders", order_id, "reissue"), body)

    async def answer(self, order_id: Id, body: wire.OrderAnswer) -> wire.OrderView:
        """Answer, as the issuer, a contested order or one that is said to be impossible."""
        return await self._post(wire.OrderView, at("orders", order_id, "answer"), body)

    async def escalate(self, order_id: Id, body: wire.WithReasons) -> wire.OrderView:
        """Escalate an overdue order."""
        return await self._post(wire.OrderView, at("orders", order_id, "escalation"), body)

    async def order_statistics(self, *, since: str | None = None, until: str | None = None) -> wire.OrderStatistics:
        """How soon each provider stops hosting and hosts again; no token is needed."""
        return await self._get(wire.OrderStatistics, "/orders/statistics", since=since, until=until)

    # --- instructions to supervisors of networks ---------------------------------------------------------------------

    def instructions(self, *, status: wire.InstructionStatus | None = None) -> AsyncIterator[wire.InstructionView]:
        """Instructions the caller gave or got, newest first."""
        return self._pages(wire.InstructionView, "/instructions", status=status)

    async def get_instruction(self, instruction_id: Id) -> wire.InstructionView:
        """One instruction."""
        return await self._get(wire.InstructionView, at("instructions", instruction_id))

    async def acknowledge(self, instruction_id: Id) -> wire.InstructionView:
        """Sign for it, as the first person of the supervisor."""
        return await self._post(wire.InstructionView, at("instructions", instruction_id, "acknowledgement"))

    async def issue(self, instruction_id: Id) -> wire.InstructionView:
        """Issue the order, as the second person."""
        return await self._post(wire.InstructionView, at("instructions", instruction_id, "issue"))

    async def object_to(self, instruction_id: Id, body: wire.WithReasons) -> wire.InstructionView:
        """Point at an error in it."""
        return await self._post(wire.InstructionView, at("instructions", instruction_id, "objection"), body)

    async def answer_objection(self, instruction_id: Id, body: wire.InstructionAnswer) -> wire.InstructionView:
        """Answer an objection, as the regulator."""
        return await self._post(wire.InstructionView, at("instructions", instruction_id, "answer"), body)

    # --- the provider's side -----------------------------------------------------------------------------------------

    async def feed(self, provider_id: Id, *, after: int = 0, wait: float = 0, limit: int = 100) -> wire.FeedView:
        """The orders of a provider from a place in its sequence on; waits up to ``wait`` seconds for one."""
        params = {"after": after, "wait": wait, "limit": limit}
        path = at("providers", provider_id, "orders")
        answer = await self._concord.call(self.service, "GET", path, params=params, timeout_s=wait + CALL_S)
        return model_of(answer, wire.FeedView)

    async def webhook(self, provider_id: Id) -> WebhookView:
        """Where a provider's orders are posted, and how that goes."""
        return await self._get(WebhookView, at("providers", provider_id, "webhook"))

    async def set_webhook(self, provider_id: Id, body: NewWebhook) -> WebhookView:
        """Have the orders after a place posted to an address."""
        path, sent = at("providers", provider_id, "webhook"), body.model_dump(mode="json")
        return model_of(await self._concord.call(self.service, "PUT", path, json=sent), WebhookView)

    async def delete_webhook(self, provider_id: Id) -> None:
        """Have nothing posted any more."""
        await self._concord.call(self.service, "DELETE", at("providers", provider_id, "webhook"))

    async def state(self, provider_id: Id) -> wire.StateView:
        """The hash of the orders in force at a provider."""
        return await self._get(wire.StateView, at("providers", provider_id, "state"))

    async def snapshot(self, provider_id: Id) -> wire.SnapshotView:
        """Every order in force at a provider."""
        return await self._get(wire.SnapshotView, at("providers", provider_id, "snapshot"))

    async def send_receipts(self, provider_id: Id, body: SignedReceipts) -> ReceiptAnswer:
        """Hand in receipts, signed together; a result for each, and the counter-receipt."""
        return await self._post(ReceiptAnswer, at("providers", provider_id, "receipts"), body)

    async def receipts(self, provider_id: Id, digest: str) -> ReceiptBatchView:
        """A batch of receipts that was taken, and its counter-receipt."""
        return await self._get(ReceiptBatchView, at("providers", provider_id, "receipts", digest))

    async def report_emergency(self, provider_id: Id, body: EmergencyReport) -> EmergencyView:
        """Report, signed, that a provider suspended a site by itself."""
        return await self._post(EmergencyView, at("providers", provider_id, "emergencies"), body)

    def emergencies(self) -> AsyncIterator[EmergencyView]:
        """What providers suspended by themselves, newest first: the caller's own, or of the caller's province."""
        return self._pages(EmergencyView, "/emergencies")

    async def get_emergency(self, emergency_id: Id) -> EmergencyView:
        """One of them, and what became of it."""
        return await self._get(EmergencyView, at("emergencies", emergency_id))

    async def provider_keys(self, provider_id: Id) -> Json:
        """The public keys a provider signs with: a JWK set, without a token."""
        return await self._json("GET", at("providers", provider_id, "jwks.json"))

    async def keys(self) -> Json:
        """The public keys orders are signed with: a JWK set (RFC 7517)."""
        return await self._json("GET", "/.well-known/jwks.json")
