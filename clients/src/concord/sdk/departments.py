"""The departments' verbs, as methods. Bodies and answers are the JSON of each service's API documentation."""

from collections.abc import AsyncIterable, AsyncIterator
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote
from uuid import UUID

from concord.sdk.answers import at, json_object

if TYPE_CHECKING:
    from concord.sdk.client import Concord

Json = dict[str, Any]
Id = str | UUID
ApplicationStatus = Literal["submitted", "granted", "refused", "not_required", "cancelled"]
RegistrationStatus = Literal["submitted", "refused", "active", "revoked"]
RevocationStatus = Literal["drafted", "confirmed", "withdrawn", "moot", "undone"]
RequestStatus = Literal["received", "accepted", "declined", "moot"]
CaseStatus = Literal["open", "closed"]
OrderStatus = Literal[
    "drafted", "released", "received", "executed", "partly", "impossible", "contested", "withdrawn", "superseded"
]
BULK_REQUEST = 512 * 1024
CALL_S = 60.0
"""How long one try of a call may take, from its first byte to its last."""


class _Department:
    service: str

    def __init__(self, concord: "Concord") -> None:
        self._concord = concord

    async def _send(self, method: str, path: str, **options: Any) -> Json:
        return json_object(await self._concord.call(self.service, method, path, **options))

    async def _get(self, path: str, /, **params: Any) -> Json:
        return await self._send("GET", path, params=params)

    async def _post(self, path: str, body: Any = None) -> Json:
        return await self._send("POST", path, json=body)

    def _pages(self, path: str, /, **params: Any) -> AsyncIterator[Json]:
        return self._concord.pages(self.service, path, **params)


class Approval(_Department):
    """Prior approval."""

    service = "approval"

    async def apply(self, /, **body: Any) -> Json:
        """Apply for approval of a service item."""
        return await self._post("/approvals", body)

    async def get(self, approval_id: Id) -> Json:
        """One approval, from the application on."""
        return await self._get(at("approvals", approval_id))

    def approvals(self, **filters: Any) -> AsyncIterator[Json]:
        """Approvals the caller may see."""
        return self._pages("/approvals", **filters)

    async def act(self, approval_id: Id, action: str, **body: Any) -> Json:
        """``action``: return, resubmission, grant, refusal, not-required, renewal-request, renewal, renewal-refusal."""
        return await self._post(at("approvals", approval_id, action), body)


class Registry(_Department):
    """The register."""

    service = "registry"

    async def register_operator(self, /, **body: Any) -> Json:
        """Enter an operator."""
        return await self._post("/operators", body)

    async def submit(self, /, **body: Any) -> Json:
        """Ask for a registration."""
        return await self._post("/registrations", body)

    async def grant(self, registration_id: Id, /, **body: Any) -> Json:
        """Enter a registration in the register."""
        return await self._post(at("registrations", registration_id, "grant"), body)

    async def refuse(self, registration_id: Id, /, **body: Any) -> Json:
        """Refuse a registration."""
        return await self._post(at("registrations", registration_id, "refusal"), body)

    async def get(self, registration_id: Id) -> Json:
        """One registration with its sites."""
        return await self._get(at("registrations", registration_id))

    def registrations(
        self, *, number: str | None = None, operator_id: Id | None = None, status: RegistrationStatus | None = None
    ) -> AsyncIterator[Json]:
        """Registrations the caller may see, newest first."""
        return self._pages("/registrations", number=number, operator_id=operator_id, status=status)

    async def site_of(self, domain: str) -> Json | None:
        """The site of a domain."""
        found: list[Json] = await self._concord.json(self.service, "GET", "/sites", params={"domain": domain})
        return found[0] if found else None

    async def amend(self, site_id: Id, version: int, /, **body: Any) -> Json:
        """Amend a site that is still at ``version``."""
        return await self._send("PUT", at("sites", site_id), json=body, headers={"If-Match": f'"{version}"'})

    async def draft_revocation(self, registration_id: Id, /, **body: Any) -> Json:
        """Draft a revocation on the regulator's own ground."""
        return await self._post(at("registrations", registration_id, "revocation"), body)

    async def confirm(self, revocation_id: Id) -> Json:
        """Confirm a drafted revocation, as a second person."""
        return await self._post(at("revocations", revocation_id, "confirmation"))

    async def withdraw(self, revocation_id: Id, reasons: str) -> Json:
        """Take a drafted revocation back."""
        return await self._post(at("revocations", revocation_id, "withdrawal"), {"reasons": reasons})

    def requests(self, *, status: RequestStatus | None = None) -> AsyncIterator[Json]:
        """Requests for revocation on the desk, newest first."""
        return self._pages("/revocation-requests", status=status)

    def revocations(self, *, status: RevocationStatus | None = None) -> AsyncIterator[Json]:
        """Revocations of the caller's region, newest first."""
        return self._pages("/revocations", status=status)

    async def get_request(self, request_id: Id) -> Json:
        """One request."""
        return await self._get(at("revocation-requests", request_id))

    async def accept(self, request_id: Id, reasons: str) -> Json:
        """Accept a request: its revocation is drafted."""
        return await self._post(at("revocation-requests", request_id, "acceptance"), {"reasons": reasons})

    async def decline(self, request_id: Id, /, **body: Any) -> Json:
        """Decline a request."""
        return await self._post(at("revocation-requests", request_id, "decline"), body)

    async def reinstate(self, registration_id: Id, /, **body: Any) -> Json:
        """Make a revoked registration valid again."""
        return await self._post(at("registrations", registration_id, "reinstatement"), body)

    async def import_sites(
        self, content: AsyncIterator[bytes], *, media_type: str = "application/x-ndjson", filename: str | None = None
    ) -> Json:
        """Send records as they are made; returns when the last is in, with counts and where the rejected ones are."""
        headers = {"Content-Type": media_type} | ({"X-Filename": quote(filename)} if filename else {})
        async with self._concord.stream(self.service, "POST", "/imports", content, headers=headers) as answer:
            await answer.aread()
            return json_object(answer)

    async def rejected(self, import_id: Id) -> list[bytes]:
        """The records of an import that did not go in, one JSON object a line."""
        answer = await self._concord.call(self.service, "GET", at("imports", import_id, "results"))
        return answer.content.splitlines()


class Enforcement(_Department):
    """Cases, decisions and appeals."""

    service = "enforcement"

    async def open_case(self, /, **body: Any) -> Json:
        """Open a case about a registered site."""
        return await self._post("/cases", body)

    async def get_case(self, case_id: Id) -> Json:
        """One case."""
        return await self._get(at("cases", case_id))

    def cases(self, *, status: CaseStatus | None = None, domain: str | None = None) -> AsyncIterator[Json]:
        """Cases of the caller's desk, newest first."""
        return self._pages("/cases", status=status, domain=domain)

    async def add_evidence(self, case_id: Id, content: bytes, media_type: str) -> Json:
        """Put evidence on file; the answer names its SHA-256."""
        return await self._send(
            "POST", at("cases", case_id, "evidence"), content=content, headers={"Content-Type": media_type}
        )

    async def draft(self, case_id: Id, /, **body: Any) -> Json:
        """Draft a decision; the answer shows its impact."""
        return await self._post(at("cases", case_id, "decisions"), body)

    async def get_decision(self, decision_id: Id) -> Json:
        """One decision."""
        return await self._get(at("decisions", decision_id))

    async def release(self, decision_id: Id, /, **body: Any) -> Json:
        """Release a decision, as a second person who has looked at its impact."""
        return await self._post(at("decisions", decision_id, "release"), body)

    async def withdraw(self, decision_id: Id, reasons: str) -> Json:
        """Take a drafted decision back."""
        return await self._post(at("decisions", decision_id, "withdrawal"), {"reasons": reasons})

    async def appeal(self, decision_id: Id, /, **body: Any) -> Json:
        """Appeal against a decision."""
        return await self._post(at("decisions", decision_id, "appeals"), body)

    async def get_appeal(self, appeal_id: Id) -> Json:
        """One appeal."""
        return await self._get(at("appeals", appeal_id))

    async def decide_appeal(self, appeal_id: Id, /, **body: Any) -> Json:
        """Decide an appeal, as the review body."""
        return await self._post(at("appeals", appeal_id, "outcome"), body)


class Access(_Department):
    """Providers, orders and receipts."""

    service = "access-control"

    async def register_provider(self, /, **body: Any) -> Json:
        """Enter a provider."""
        return await self._post("/providers", body)

    async def get_provider(self, provider_id: Id) -> Json:
        """One provider."""
        return await self._get(at("providers", provider_id))

    def providers(self) -> AsyncIterator[Json]:
        """Every provider."""
        return self._pages("/providers")

    async def add_key(self, provider_id: Id, jwk: Json) -> Json:
        """Register a public key of a provider."""
        return await self._post(at("providers", provider_id, "keys"), {"jwk": jwk})

    def orders(
        self, *, status: OrderStatus | None = None, provider_id: Id | None = None, site_id: Id | None = None
    ) -> AsyncIterator[Json]:
        """Orders, newest first."""
        return self._pages("/orders", status=status, provider_id=provider_id, site_id=site_id)

    async def get_order(self, order_id: Id) -> Json:
        """One order with its receipts."""
        return await self._get(at("orders", order_id))

    async def withdraw(self, order_id: Id, reasons: str) -> Json:
        """Take an order back in its withdraw window."""
        return await self._post(at("orders", order_id, "withdrawal"), {"reasons": reasons})

    async def feed(self, provider_id: Id, *, after: int = 0, wait: float = 0, limit: int = 100) -> Json:
        """The orders of a provider from a place in its sequence on; waits up to ``wait`` seconds for one."""
        params = {"after": after, "wait": wait, "limit": limit}
        return await self._send("GET", at("providers", provider_id, "orders"), params=params, timeout_s=wait + CALL_S)

    async def state(self, provider_id: Id) -> Json:
        """The hash of the orders in force at a provider."""
        return await self._get(at("providers", provider_id, "state"))

    async def send_receipts(self, provider_id: Id, receipts: list[str]) -> list[Json]:
        """Hand in signed receipts; a result for each."""
        answer = await self._post(at("providers", provider_id, "receipts"), {"receipts": receipts})
        return list(answer["results"])


class Query(_Department):
    """Look-ups."""

    service = "query"

    async def lookup(self, *, purpose: str, **key: str) -> Json:
        """Look up by ``domain``, ``ip``, ``number``, or ``key`` of any shape, as an official.

        ``purpose``: why; kept in the audit with your name.
        """
        return await self._send("GET", "/lookup", params=key, headers=_why(purpose))

    async def public_lookup(self, **key: str) -> Json:
        """Look up what everybody may know, by ``domain``, ``number``, or ``key`` of either shape."""
        return await self._get("/public/lookup", **key)

    async def register_entry(self, number: str) -> Json:
        """The public register entry of a registration."""
        return await self._get(at("public", "register", number))

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
