"""Everybody who works on a case, with a client each, and the chain as short words: site, decision, execution, order.

async with Office.of(stack) as office:
    await office.enter("a.example", "b.example")
    case = await office.decide("a.example")
    await office.execute(case)
    await office.executed(case, Action.CUT_OFF)
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import httpx

from concord.sdk import Concord, until
from concord.sdk.places import Places
from local_stack.people import Identity
from local_stack.provider import CLIENT_ID
from local_stack.supervisor import LocalStack
from shared.contracts.emergencies import EMERGENCY_TYPE
from shared.contracts.grounds import ActRef, Service, Statement
from shared.contracts.http import enforcement, registry
from shared.contracts.http.access import OrderDetailView, OrderStatus, OrderView
from shared.contracts.http.emergencies import EmergencyReport
from shared.contracts.http.query import LookupAnswer
from shared.contracts.orders import Action
from shared.contracts.subjects import Signature
from shared.rules.identifiers import uscc_with_check_digit
from shared.signing import Signer

PATIENCE_S: Final = 90.0
PEOPLE: Final = (
    "applicant", "drugs-a", "drugs-b", "regulator-a", "regulator-b", "review-a", "desk-a", "officer", "supervisor-a",
    "supervisor-b", "culture-a", "registrar-a", "auditor", "shanghai-drugs-a",
)  # fmt: skip
ITEM: Final = "drugs_and_devices"
REASONS: Final = "The site sells medicines and has no consent of the drug administration."
SAYS: Final = Statement(legal_basis=("P3.2.3",), reasons=REASONS, public_reasons=REASONS)
STATED: Final = registry.Stated(statement=SAYS)
NEVER: Final = registry.WithReasons(reasons="It was entered by mistake, and is taken back.")


@dataclass(slots=True)
class Case:
    """One site's way through the departments."""

    domain: str
    case_id: UUID
    site_id: UUID | None = None
    """None for a site that is in no register."""
    decision: enforcement.DecisionView | None = None
    execution_id: UUID | None = None

    @property
    def decision_id(self) -> UUID:
        """Id of the decision, once there is one."""
        assert self.decision is not None
        return self.decision.id

    @property
    def release(self) -> enforcement.Release:
        """What a second person signs who has looked at the preview of the draft."""
        assert self.decision is not None
        since = self.decision.since_draft
        return enforcement.Release(signature=signature_of(self.decision), since_draft=since and since.digest)

    @property
    def act(self) -> ActRef:
        """The decision, as an appeal names it."""
        return ActRef(service=Service.ENFORCEMENT, kind="decision", id=self.decision_id)


def signature_of(seen: enforcement.DecisionView | registry.ExecutionView) -> Signature:
    """What a person signs who has looked at this."""
    assert seen.preview is not None
    assert seen.preview_digest is not None
    return Signature(preview_digest=seen.preview_digest, collateral=tuple(sorted(seen.preview.collateral)))


def identity_of(domain: str) -> str:
    """The credit code of the operator that a domain is entered with."""
    number = int.from_bytes(sha256(domain.encode()).digest()[:5]) % 10**13
    return uscc_with_check_digit(f"9111{number:013d}")


class Office:
    """Everybody at work on one stack."""

    def __init__(self, stack: LocalStack, people: dict[str, Concord], web: httpx.AsyncClient) -> None:
        self.stack = stack
        self.people = people
        self.web = web
        self._addresses = itertools.count(1)  # one each, so that a measure against one site touches no other

    @classmethod
    @asynccontextmanager
    async def of(cls, stack: LocalStack, *, patience_s: float = 60) -> AsyncIterator["Office"]:
        """Sign everybody in; ``patience_s``: how long they try again when nobody answers."""
        async with AsyncExitStack() as clients:
            people = {
                name: await clients.enter_async_context(
                    Concord.connect(person=name, places=places_of(stack), patience_s=patience_s)
                )
                for name in PEOPLE
            }
            web = await clients.enter_async_context(httpx.AsyncClient(timeout=10, trust_env=False))
            yield cls(stack, people, web)

    @asynccontextmanager
    async def provider(self) -> AsyncIterator[Concord]:
        """The demonstration provider's own client."""
        provider = self.stack.provider
        assert provider is not None
        async with Concord.connect(client=(CLIENT_ID, provider.client_secret), places=places_of(self.stack)) as client:
            yield client

    async def suspends(self, domain: str, since: datetime) -> UUID:
        """The demonstration provider says, signed, that it suspended a site by itself; the report's id."""
        provider = self.stack.provider
        assert provider is not None
        key = json.loads((self.stack.data / "provider" / "key.json").read_text())
        said = {
            "emergency_id": str(uuid4()), "provider_id": provider.provider_id, "host": domain,
            "ground": "unlawful_medicines", "reasons": "Sells morphine to children while we speak.",
            "since": since.isoformat(),
        }  # fmt: skip
        jws = Signer(key).sign(json.dumps(said).encode(), EMERGENCY_TYPE)
        async with self.provider() as client:
            return (await client.access.report_emergency(provider.provider_id, EmergencyReport(jws=jws))).id

    @asynccontextmanager
    async def operator(self, domain: str) -> AsyncIterator[Concord]:
        """The client of the operator that a domain was entered with."""
        client_id, secret = f"operator-{identity_of(domain)}", "only for tests"
        if self.stack.clients.get(client_id) is None:
            self.stack.clients.put(
                Identity(
                    subject=client_id,
                    secret=secret,
                    name=f"Operator of {domain}",
                    organisation=identity_of(domain),
                    roles=("operator",),
                )
            )
        async with Concord.connect(client=(client_id, secret), places=places_of(self.stack), patience_s=60) as client:
            yield client

    # --- sites -------------------------------------------------------------------------------------------------------

    async def enter(self, *domains: str, **changes: Any) -> None:
        """Import sites, each of an operator of its own."""
        await self.provider_is_known(changes.get("provider_id", self.stack.provider_id))

        async def rows() -> AsyncIterator[bytes]:
            for domain in domains:
                serial = next(self._addresses)
                row = {
                    "operator_name": f"Operator of {domain}",
                    "operator_uscc": identity_of(domain),
                    "region": "110000",
                    "site_name": domain,
                    "domain": domain,
                    "provider_id": self.stack.provider_id,
                    "ips": f"100.{64 + serial // 65536}.{serial // 256 % 256}.{serial % 256}",
                } | changes
                yield json.dumps(row).encode() + b"\n"

        done = await self.people["regulator-a"].registry.import_sites(rows())
        results = await self.people["regulator-a"].registry.import_results(done.id)
        assert done.accepted == len(domains), (done, results)

    async def provider_is_known(self, provider_id: str) -> None:
        """The registry has heard of a provider, so imports may name it."""
        connection = await asyncpg.connect(self.stack.dsn("registry"))
        try:
            sql = "SELECT EXISTS (SELECT FROM provider WHERE id = $1)"
            await until(lambda: connection.fetchval(sql, UUID(provider_id)), bool, timeout_s=PATIENCE_S)
        finally:
            await connection.close()

    async def site(self, domain: str) -> registry.SiteView:
        """The site of a domain, as the register has it."""
        found = await self.people["regulator-a"].registry.site_of(domain)
        assert found is not None, domain
        return found

    # --- cases and decisions -----------------------------------------------------------------------------------------

    async def case(self, domain: str) -> Case:
        """Open a case about a site, as soon as enforcement knows the site."""
        desk = self.people["drugs-a"].enforcement
        site = await self.site(domain)
        new = enforcement.NewCase(
            about=enforcement.AboutSite(domain=domain), service_item=ITEM, ground="unlicensed_service",
            alleged_breach=REASONS, legal_basis=("P3.2.1",),
        )  # fmt: skip
        opened = await until(lambda: desk.open_case(new), lambda _: True, timeout_s=PATIENCE_S)
        return Case(domain, opened.id, site.id)

    async def draft(
        self, about: str | Case, effect: str = "revoke", *, seen: str | None = None, **changes: Any
    ) -> Case:
        """A drafted decision, in a new case about a domain or in this one; ``seen`` is what it rests on."""
        case = await self.case(about) if isinstance(about, str) else about
        desk = self.people["drugs-a"].enforcement
        seen = seen or f"Seen on {case.domain}"
        evidence = await desk.add_evidence(case.case_id, seen.encode(), "text/plain")
        new = enforcement.NewDecision(effect=effect, statement=SAYS, evidence_hashes=(evidence.sha256,), **changes)
        case.decision = await desk.draft(case.case_id, new)
        return case

    async def tell(self, case: Case) -> None:
        """The operator opens the notice of the draft, and its time to put things right passes."""
        assert case.decision is not None
        assert case.decision.notice is not None
        async with self.operator(case.domain) as operator:
            await operator.enforcement.open_notice(case.decision.notice.notice_id)
        told = await self.people["drugs-b"].enforcement.get_decision(case.decision_id)
        assert told.notice is not None
        assert told.notice.release_from is not None
        await asyncio.sleep(max(0.0, (told.notice.release_from - datetime.now(UTC)).total_seconds()))

    async def release(self, case: Case) -> Case:
        """A second person makes it an act of the authority."""
        case.decision = await self.people["drugs-b"].enforcement.release(case.decision_id, case.release)
        return case

    async def decide(self, domain: str) -> Case:
        """A decision to revoke: drafted, told, and released by another person."""
        case = await self.draft(domain)
        await self.tell(case)
        return await self.release(case)

    async def uphold(self, case: Case) -> None:
        """The operator's appeal is upheld by the review body."""
        async with self.operator(case.domain) as operator:
            filed = await operator.enforcement.appeal(
                enforcement.NewAppeal(act=case.act, grounds="The approval covers it; see the annex.")
            )
        outcome = enforcement.Outcome(outcome="upheld", statement=SAYS)
        await self.people["review-a"].enforcement.decide_appeal(filed.id, outcome)

    # --- executions and orders ---------------------------------------------------------------------------------------

    async def received(self, case: Case) -> registry.ExecutionView:
        """The decision on the regulator's desk, with what it would hit."""
        regulator = self.people["regulator-a"].registry

        async def on_desk() -> list[registry.ExecutionView]:
            return [each async for each in regulator.executions(decision_id=case.decision_id)]

        (found,) = await until(on_desk, bool, timeout_s=PATIENCE_S)
        case.execution_id = found.id
        return await regulator.get_execution(found.id)

    async def accept(self, case: Case) -> registry.Signing:
        """The first of the regulator's two people signs; gives what the second one signs."""
        seen = await self.received(case)
        signing = registry.Signing(reasons="The grounds of the authority hold.", signature=signature_of(seen))
        await self.people["regulator-a"].registry.accept(seen.id, signing)
        return signing

    async def execute(self, case: Case) -> Case:
        """Accepted by one person, confirmed by another."""
        signing = await self.accept(case)
        assert case.execution_id is not None
        await self.people["regulator-b"].registry.confirm(case.execution_id, signing)
        return case

    async def orders(self, case: Case, action: Action) -> list[OrderView]:
        """The orders of one kind that follow from the decision."""
        every = self.people["desk-a"].access.orders(site_id=case.site_id)
        return [order async for order in every if order.action is action and order.decision_id == case.decision_id]

    async def executed(self, case: Case, action: Action) -> OrderDetailView:
        """The one order of this kind, once it is carried out, with its receipts."""
        found = await until(
            lambda: self.orders(case, action),
            lambda orders: bool(orders) and orders[0].status in {OrderStatus.EXECUTED, OrderStatus.SUPERSEDED},
            timeout_s=PATIENCE_S,
        )
        assert len(found) == 1, found
        return await self.people["desk-a"].access.get_order(found[0].id)

    # --- what others see ---------------------------------------------------------------------------------------------

    async def hosting(self, domain: str, state: str) -> LookupAnswer:
        """The look-up, once it shows this state."""
        return await until(
            lambda: self.people["officer"].query.lookup(domain=domain, purpose="journey"),
            lambda answer: answer.hosting is not None and answer.hosting.state == state,
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


def places_of(stack: LocalStack) -> Places:
    """Where the services of a stack are."""
    description = stack.description()
    return Places(description["services"], description["issuer"], description)
