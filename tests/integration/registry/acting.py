"""What people, clocks and facts can do to a small register: the acts of test_machine.py, and what it looks at."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from registry.consumer import DEADLINES
from registry.service import reviews
from shared.contracts.access import ProviderRecordedV1
from shared.contracts.enforcement import (
    DecisionEndedV1,
    DecisionIgnoredV1,
    DecisionOverturnedV1,
    DecisionReleasedV1,
    DecisionSuspendedV1,
)
from shared.contracts.grounds import ActRef, Service
from shared.runtime.acts import notices
from shared.runtime.clocks.ticks import TickWorker
from tests.integration.registry.conftest import (
    GRANT,
    OTHER_PROVIDER,
    PROVIDER,
    STATEMENT,
    Register,
    a_site,
    access,
    owner,
    provider_recorded,
    uscc,
)
from tests.integration.registry.test_measures import of_operator
from tests.support.people import at

Row = dict[str, Any]
NOON: Final = at("2026-11-26T04:00")
DRUGS: Final = "drugs_and_devices"
CODES: Final = tuple(uscc(950_000_000 + number) for number in range(3))
HOSTS: Final = ("one.example", "shop.one.example", "two.example", "three.example", "four.example")
WHY: Final = {"reasons": "So it happens in this story."}
REFUSAL: Final = {"statement": STATEMENT}
FALLS: Final[dict[str, type[DecisionOverturnedV1 | DecisionSuspendedV1 | DecisionEndedV1]]] = {
    "overturned": DecisionOverturnedV1,
    "suspended": DecisionSuspendedV1,
    "ended": DecisionEndedV1,
}
SEEN: Final = {
    "registration": "SELECT id, version, operator_id, kind, region, status, number FROM registration",
    "site": """SELECT s.id, s.version, s.registration_id, s.ordinal, s.status, r.operator_id, s.service_items,
                      r.number || '-' || s.ordinal AS number
                 FROM site s JOIN registration r ON r.id = s.registration_id""",
    "claim": "SELECT domain, site_id, operator_id, amendment_id, status FROM claim",
    "access": "SELECT id, site_id, operator_id, provider_id, status, ips FROM access",
    "amendment": "SELECT id, kind, status, site_id, operator_id, proposal, consent_by FROM amendment",
    "execution": """SELECT id, version, decision_id, effect, status, site_id, operator_id, undone_because, bar_from,
                           until, accepted_by, confirmed_by, service_item FROM execution""",
    "shell_finding": "SELECT id, version, status, site_id, cure_until, lapsed_by, changed_at FROM shell_finding",
    "review_subject": "SELECT id, number, status, site_id, organisation, opinion_id, case_id FROM review_subject",
    "review_opinion": "SELECT id, status, subject_id, opinion, decision_id FROM review_opinion",
    "review": "SELECT id, status, opens_at, opinions_until, closes_at FROM review",
    "merger": "SELECT id, status, survivor_id, merged_id, survivor_act_id, left_behind FROM merger",
    "notice": "SELECT about_id, kind, identity FROM notice",
    "barred_change": "SELECT seq, execution_id, change FROM barred_change",
    "number_counter": "SELECT region, kind, last FROM number_counter",
    "operator": "SELECT id, identity FROM operator",
    "failed": "SELECT kind, error FROM deadline WHERE error IS NOT NULL",
    "recorded": """SELECT DISTINCT ON (site_id) site_id AS id, record ->> 'status' AS status,
                          record ->> 'number' AS number, record -> 'domains' AS domains
                     FROM site_version ORDER BY site_id, version DESC""",
}
ORDER: Final = {
    "review_subject": "number, organisation", "claim": "domain, status", "notice": "about_id", "access": "ips, id",
    "barred_change": "seq", "number_counter": "region, kind", "operator": "identity", "failed": "kind",
}  # fmt: skip
"""The same in every run of the same acts, as far as anything is drawn from it."""
LOOK: Final = "SELECT " + ", ".join(
    f"(SELECT coalesce(json_agg(t ORDER BY {ORDER.get(name, 'id')}), '[]') FROM ({sql}) t) AS {name}"
    for name, sql in SEEN.items()
)
CLOCKS: Final = {**DEADLINES, notices.DEEMED: notices.deem}
EMPTY: Final = """
SELECT string_agg(quote_ident(c.relname), ', ') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = current_schema AND c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND c.relname NOT IN ('calendar_version', 'organisation', 'outbox_topic', 'schema_file')
"""


@dataclass
class World:
    """One register, three operators, five names, two providers; acts give the status of their answer."""

    register: Register
    provider_version: int = 1

    async def begin(self) -> None:
        """Everything is empty again, but for a site of each of the first two operators that holds a consent."""
        register = self.register
        register.clock.advance(NOON - self.now)
        async with register.api.rt.db.transaction() as tx:
            await tx.execute(f"TRUNCATE {await tx.fetchval(EMPTY)}")
        await register.hear(provider_recorded())
        await register.hear(provider_recorded(OTHER_PROVIDER, "310000"))
        self.provider_version = provider_recorded().version
        for code, host in zip(CODES, (HOSTS[0], HOSTS[2]), strict=False):
            for each in HOSTS:
                await register.approve(code, DRUGS, each)
            await register.active(a_site(host, service_items=[DRUGS, "general"]), code)
        await register.operator(CODES[2])

    async def look(self) -> dict[str, list[Row]]:
        """All of it, at one moment."""
        async with self.register.api.rt.db.connection() as tx:
            row = await tx.fetchrow(LOOK)
        assert row is not None
        return {name: json.loads(found) if isinstance(found, str) else found for name, found in row.items()}

    @property
    def now(self) -> datetime:
        return self.register.clock.now()

    async def ask(self, path: str, body: Any, who: Any, version: object = None) -> int:
        """Ask for something; whatever the answer is, it is an answer."""
        headers = {"If-Match": f'"{version}"'} if version is not None else {}
        answer = await self.register.api.post(path, json=body, who=who, headers=headers)
        assert answer.status_code < 500, answer.text
        return int(answer.status_code)

    # -- operators and the regulator -----------------------------------------------------------------------------

    async def submit(self, operator: Row, host: str, provider: UUID) -> int:
        body = {"operator_id": operator["id"], "kind": "filing",
                "site": a_site(host, accesses=[access(provider=provider)])}  # fmt: skip
        return await self.ask("/registrations", body, "regulator-a")

    async def add_site(self, found: Row, host: str, code: str) -> int:
        return await self.ask(f"/registrations/{found['id']}/sites", a_site(host), owner(code))

    async def decide_registration(self, found: Row, *, grant: bool) -> int:
        body = GRANT if grant else REFUSAL
        path = f"/registrations/{found['id']}/{'grant' if grant else 'refusal'}"
        return await self.ask(path, body, self.desk(found["region"]))

    @staticmethod
    def desk(region: str) -> str:
        return "shanghai-regulator-a" if region == "310000" else "regulator-a"

    async def decide_amendment(self, found: Row, how: str, code: str) -> int:
        path, region = f"/amendments/{found['id']}/{how}", found["proposal"].get("region", "110000")
        if how == "withdrawal":
            return await self.ask(path, WHY, owner(code))
        body = GRANT if how == "grant" else REFUSAL
        first = await self.ask(path, body, self.desk(region))
        return await self.ask(path, body, "shanghai-regulator-a") if first == 403 else first

    async def change(self, site: Row, host: str, providers: list[UUID], code: str) -> int:
        to = a_site(host, accesses=[access(provider=each) for each in providers], service_items=site["service_items"])
        return await self.ask(f"/sites/{site['id']}/amendments", to | WHY, owner(code), site["version"])

    async def leave(self, site: Row, access_id: str, code: str) -> int:
        return await self.ask(f"/sites/{site['id']}/accesses/{access_id}/end", WHY, owner(code))

    async def deregister(self, site: Row, code: str) -> int:
        return await self.ask(f"/sites/{site['id']}/deregistration", WHY, owner(code))

    async def transfer(self, site: Row, to: Row, code: str) -> int:
        body = {"registration_id": to["id"]} | WHY
        return await self.ask(f"/sites/{site['id']}/transfer", body, owner(code), site["version"])

    async def consent(self, found: Row, code: str) -> int:
        return await self.ask(f"/amendments/{found['id']}/consent", None, owner(code))

    async def move(self, found: Row, code: str) -> int:
        region = "310000" if found["region"] == "110000" else "110000"
        return await self.ask(f"/registrations/{found['id']}/move", {"region": region} | WHY, owner(code),
                              found["version"])  # fmt: skip

    # -- decisions and who carries them out ----------------------------------------------------------------------

    async def decide(self, site: Row, effect: str) -> DecisionReleasedV1:
        more: dict[str, Any] = {"service_item": DRUGS} if effect == "end_item" else {}
        if effect == "suspend_access":
            more["until"] = self.now + timedelta(days=80)
        if effect == "correct":
            more["correct_by"] = self.now
        return await self.register.decided(site, effect, **more)

    async def bar(self, operator: Row) -> DecisionReleasedV1:
        decision = of_operator(
            operator["id"], operator={"identity": operator["identity"], "name": "Example"},
            until=self.now + timedelta(days=400),
        )  # fmt: skip
        await self.register.hear(decision)
        return decision

    async def sign(self, execution: Row, who: str) -> int:
        shown = await self.register.api.get(f"/executions/{execution['id']}", who="regulator-a")
        if shown.status_code != 200:
            return int(shown.status_code)
        seen = shown.json()
        body = {"reasons": "It is lawful.", "signature": {
            "preview_digest": seen["preview_digest"] or "0" * 64,
            "collateral": [each["site_id"] for each in (seen["preview"] or {"neighbours": []})["neighbours"]],
        }}  # fmt: skip
        step = "acceptance" if execution["status"] == "received" else "confirmation"
        return await self.ask(f"/executions/{execution['id']}/{step}", body, who)

    async def step_back(self, execution: Row, how: str) -> int:
        body = {"statement": STATEMENT} if how == "decline" else WHY
        return await self.ask(f"/executions/{execution['id']}/{how}", body, "regulator-b")

    async def falls(self, decision: DecisionReleasedV1, how: str, because: str) -> None:
        fact = FALLS[how]
        more = {"because": because} if how != "overturned" else {}
        await self.register.hear(fact.model_validate({
            **fact.EXAMPLE, "decision_id": decision.decision_id, "subject": decision.subject,
            "effect": decision.effect, "case_id": decision.case_id, **more,
        }))  # fmt: skip

    async def ignored(self, site: Row) -> DecisionReleasedV1:
        order = await self.decide(site, "correct")
        await self.register.hear(DecisionIgnoredV1.model_validate({
            **DecisionIgnoredV1.EXAMPLE, "decision_id": order.decision_id, "subject": order.subject,
        }))  # fmt: skip
        return order

    async def appeal(self, service: Service, kind: str, act_id: object, outcome: str) -> None:
        await self.register.appealed(ActRef(service=service, kind=kind, id=UUID(str(act_id))), outcome)

    # -- the annual review ---------------------------------------------------------------------------------------

    async def review(self) -> None:
        """The next review is announced, and its opening day comes."""
        for year in (self.now.year, self.now.year + 1):
            if await self.ask("/reviews", {"year": year}, "regulator-a") == 201:
                break
        opens = await self.register.fetchval("SELECT min(due_at) FROM deadline WHERE kind = $1", reviews.OPENS)
        if opens is not None:
            await self.wait(opens - self.now)

    async def opinion(self, subject: Row, decision_id: object, opinion: str, who: str) -> int:
        body = {"opinion": opinion, "statement": {"legal_basis": ["P3.3.4"], "reasons": "It sold without a right."}}
        if opinion != "pass":
            body["decision_id"] = str(decision_id)
        if opinion == "cancel_service":
            body["service_item"] = DRUGS
        return await self.ask(f"/review-subjects/{subject['id']}/opinions", body, who)

    async def take_back(self, opinion: Row) -> int:
        return await self.ask(f"/review-opinions/{opinion['id']}/withdrawal", WHY, "drugs-b")

    # -- shells, mergers, providers, time ------------------------------------------------------------------------

    async def shell(self, finding: Row, how: str, who: Any) -> int:
        body = {"statement": STATEMENT} if how == "lapse" else WHY
        version = finding["version"] if how == "lapse" else None
        return await self.ask(f"/shell-findings/{finding['id']}/{how}", body, who, version)

    async def propose_merger(self, survivor: Row, merged: Row) -> int:
        path = f"/operators/{merged['id']}/merger-preview?into={survivor['id']}"
        seen = await self.register.api.get(path, who="national-a")
        if seen.status_code != 200:
            return int(seen.status_code)
        body = {"survivor_id": survivor["id"], "merged_id": merged["id"], "statement": STATEMENT,
                "preview_digest": seen.json()["preview_digest"]}  # fmt: skip
        return await self.ask("/mergers", body, "national-a")

    async def decide_merger(self, merger: Row, how: str) -> int:
        seen = (await self.register.api.get(f"/mergers/{merger['id']}", who="national-a")).json()
        body = {**WHY, "preview_digest": seen.get("preview_digest") or "0" * 64} if how == "confirmation" else WHY
        return await self.ask(f"/mergers/{merger['id']}/{how}", body, "national-b")

    async def provider(self, *, active: bool) -> None:
        self.provider_version += 1
        fact: ProviderRecordedV1 = provider_recorded(PROVIDER).model_copy(
            update={"status": "active" if active else "closed", "version": self.provider_version}
        )
        await self.register.hear(fact)

    async def wait(self, by: timedelta) -> None:
        """Time passes, and every clock that runs out meanwhile does what it does, at its time."""
        until, ticks = self.now + by, TickWorker(self.register.api.rt, CLOCKS)
        while True:
            due = await self.register.fetchval(
                "SELECT min(due_at) FROM deadline WHERE met_at IS NULL AND breached_at IS NULL AND suspended_at IS NULL"
                " AND error IS NULL AND kind = ANY ($1)",
                list(CLOCKS),
            )  # fmt: skip
            if due is None or due > until:
                break
            self.register.clock.advance(max(due - self.now, timedelta()))
            while await ticks.tick():
                pass
        self.register.clock.advance(max(until - self.now, timedelta()))
