"""Everybody who works on a case, with a client each, and the chain as short words: site, decision, revocation, order.

async with Office.of(stack) as office:
    await office.enter("a.example", "b.example")
    case = await office.decide("a.example")
    await office.revoke(case)
    await office.executed(case, "cut_off")
"""

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx

from concord.sdk import Concord, until
from concord.sdk.places import Places
from local_stack.provider import CLIENT_ID
from local_stack.supervisor import LocalStack
from shared.rules.identifiers import uscc_with_check_digit

PATIENCE_S: Final = 90.0
PEOPLE: Final = (
    "applicant", "culture-a", "culture-b", "regulator-a", "regulator-b", "review-a", "desk-a", "officer",
)  # fmt: skip
BASIS: Final[dict[str, Any]] = {"legal_basis": ["P3.2.3"], "reasons": "The grounds of the authority hold."}
REDRESS: Final = {"authority": "Review body of Beijing", "how": "In writing", "within_days": 60}


@dataclass(slots=True)
class Case:
    """One site's way through the departments."""

    domain: str
    site_id: str
    registration_id: str
    case_id: str = ""
    decision_id: str = ""
    request_id: str = ""
    revocation_id: str = ""


class Office:
    """Everybody at work on one stack."""

    def __init__(self, stack: LocalStack, people: dict[str, Concord], web: httpx.AsyncClient) -> None:
        self.stack = stack
        self.people = people
        self.web = web
        self._addresses = itertools.count(1)  # one each, so that a measure against one site touches no other

    @classmethod
    @asynccontextmanager
    async def of(cls, stack: LocalStack) -> AsyncIterator["Office"]:
        """Sign everybody in."""
        description = stack.description()
        places = Places(description["services"], description["issuer"], description)
        async with AsyncExitStack() as clients:
            people = {
                name: await clients.enter_async_context(Concord.connect(person=name, places=places, patience_s=60))
                for name in PEOPLE
            }
            web = await clients.enter_async_context(httpx.AsyncClient(timeout=10, trust_env=False))
            yield cls(stack, people, web)

    @asynccontextmanager
    async def provider(self) -> AsyncIterator[Concord]:
        """The demonstration provider's own client."""
        description, provider = self.stack.description(), self.stack.provider
        assert provider is not None
        places = Places(description["services"], description["issuer"], description)
        async with Concord.connect(client=(CLIENT_ID, provider.client_secret), places=places) as client:
            yield client

    async def enter(self, *domains: str, **changes: Any) -> None:
        """Import sites, each of an operator of its own."""
        await self.provider_is_known()

        async def rows() -> AsyncIterator[bytes]:
            for domain in domains:
                serial = next(self._addresses)
                row = {
                    "operator_name": f"Operator of {domain}",
                    "operator_uscc": uscc_with_check_digit(
                        f"9111{int.from_bytes(sha256(domain.encode()).digest()[:5]) % 10**13:013d}"
                    ),
                    "region": "110000",
                    "site_name": domain,
                    "domain": domain,
                    "provider_id": self.stack.provider_id,
                    "ips": f"100.{64 + serial // 65536}.{serial // 256 % 256}.{serial % 256}",
                } | changes
                yield json.dumps(row).encode() + b"\n"

        done = await self.people["regulator-a"].registry.import_sites(rows())
        assert done["accepted"] == len(domains), (done, await self.people["regulator-a"].registry.rejected(done["id"]))

    async def provider_is_known(self) -> None:
        """The registry has heard of the demonstration provider, so imports may name it."""
        connection = await asyncpg.connect(self.stack.dsn("registry"))
        try:
            sql = "SELECT EXISTS (SELECT FROM provider WHERE id = $1)"
            await until(lambda: connection.fetchval(sql, UUID(self.stack.provider_id)), bool, timeout_s=PATIENCE_S)
        finally:
            await connection.close()

    async def case(self, domain: str) -> Case:
        """Open a case about a site, as soon as enforcement knows the site."""
        registry, desk = self.people["regulator-a"].registry, self.people["culture-a"].enforcement
        site = await until(lambda: registry.site_of(domain), lambda found: found is not None, timeout_s=PATIENCE_S)
        assert site is not None
        opened = await until(
            lambda: desk.open_case(
                domain=domain, service_item="culture", alleged_breach="Outside the scope", legal_basis=["P3.2.1"]
            ),
            bool,
            timeout_s=PATIENCE_S,
        )
        return Case(domain, site["site_id"], site["registration_id"], case_id=opened["id"])

    async def draft(self, domain: str) -> tuple[Case, dict[str, Any]]:
        """A drafted decision to revoke and cut off; the body that releases it."""
        case = await self.case(domain)
        desk = self.people["culture-a"].enforcement
        evidence = await desk.add_evidence(case.case_id, f"Seen on {domain}".encode(), "text/plain")
        decision = await desk.draft(
            case.case_id, measure="revoke_and_cut", evidence_hashes=[evidence["sha256"]], redress=REDRESS,
            urgent_ground="Tickets for tonight are being sold.", **BASIS,
        )  # fmt: skip
        case.decision_id = decision["id"]
        impact = decision["impact"]
        body = {"impact_hash": impact["hash"]}
        return case, body | ({"collateral_acknowledged": impact["collateral"]} if impact["collateral"] else {})

    async def decide(self, domain: str) -> Case:
        """A decision, drafted by one person and released by another."""
        case, body = await self.draft(domain)
        await self.people["culture-b"].enforcement.release(case.decision_id, **body)
        return case

    async def received(self, case: Case) -> Case:
        """The request is on the regulator's desk."""
        decision = await until(
            lambda: self.people["culture-a"].enforcement.get_decision(case.decision_id),
            lambda found: found["execution"]["received_at"] is not None,
            timeout_s=PATIENCE_S,
        )
        case.request_id = decision["execution"]["request_id"]
        return case

    async def revoke(self, case: Case) -> Case:
        """Accepted by one person, confirmed by another."""
        await self.received(case)
        revocation = await self.people["regulator-a"].registry.accept(case.request_id, BASIS["reasons"])
        case.revocation_id = revocation["id"]
        await self.people["regulator-b"].registry.confirm(revocation["id"])
        return case

    async def uphold(self, case: Case) -> None:
        """The operator's appeal is upheld by the review body."""
        filed = await self.people["culture-a"].enforcement.appeal(
            case.decision_id, appellant="The operator", grounds="The approval covers it; see the annex."
        )
        await self.people["review-a"].enforcement.decide_appeal(filed["id"], outcome="upheld", **BASIS)

    async def orders(self, case: Case, action: str) -> list[dict[str, Any]]:
        """The orders of one kind for the site."""
        found = [order async for order in self.people["desk-a"].access.orders(site_id=case.site_id)]
        return [order for order in found if order["action"] == action]

    async def executed(self, case: Case, action: str) -> dict[str, Any]:
        """The one order of this kind, once it is carried out, with its receipts."""
        found = await until(
            lambda: self.orders(case, action),
            lambda orders: bool(orders) and orders[0]["status"] in {"executed", "superseded"},
            timeout_s=PATIENCE_S,
        )
        assert len(found) == 1, found
        return await self.people["desk-a"].access.get_order(found[0]["id"])

    async def hosting(self, domain: str, state: str) -> dict[str, Any]:
        """The look-up, once it shows this state."""
        return await until(
            lambda: self.people["officer"].query.lookup(domain=domain, purpose="journey"),
            lambda answer: bool(answer["found"]) and answer["hosting"]["state"] == state,
            timeout_s=PATIENCE_S,
        )

    async def visit(self, domain: str, status: int) -> httpx.Response:
        """The site at its provider, once it answers with this status; a provider that starts again is waited for."""

        async def fetch() -> httpx.Response | None:
            try:
                return await self.web.get(self.stack.provider_web, headers={"Host": domain})
            except httpx.TransportError:
                return None

        answer = await until(
            fetch, lambda found: found is not None and found.status_code == status, timeout_s=PATIENCE_S
        )
        assert answer is not None
        return answer
