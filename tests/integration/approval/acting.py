"""What people, clocks and facts can do on an approval desk: the acts of test_machine.py, and what it looks at."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from approval.consumer import DEADLINES
from shared.contracts import examples
from shared.contracts.enforcement import DecisionReleasedV1
from shared.contracts.registry import BarRecordedV1
from shared.runtime.base.ids import uuid7
from shared.runtime.clocks.ticks import TickWorker
from tests.integration.approval.desk import APPLICATION, BASIS, FINDINGS, STEPS, Desk
from tests.support.people import OPERATOR_USCC, SELLER_USCC, at

Row = dict[str, Any]
MONDAY: Final = at("2026-11-02T01:00")
ITEM: Final = "drugs_and_devices"
OPERATORS: Final = {
    "applicant": {"identity": OPERATOR_USCC, "name": "Example Pharmacy Ltd"},
    "seller": {"identity": SELLER_USCC, "name": "Example Seller Ltd"},
}
WHO: Final = {each["identity"]: who for who, each in OPERATORS.items()}
DOMAINS: Final = ("one.example", "shop.one.example", "two.example")
PLACES: Final = {"110000": "drugs", "310000": "shanghai-drugs", None: "drugs-national"}
"""Who is at the desk of each province, and of the whole country."""
SEEN: Final = {
    "approval": """SELECT id, status, operator_identity AS identity, domain, level, region, submitted_at, overdue_at,
                          transfers, number, scope, valid_from, valid_until, renewal_until, authority FROM approval""",
    "decision": "SELECT id, approval_id, action, grounds ->> 'made_at' AS made_at, undone_at FROM decision",
    "paper": """SELECT id, status, paper_number, operator_identity AS identity, domain, level, region, entered_by,
                       approval_id, scan_sha256, valid_from FROM paper_approval""",
    "ended_item": "SELECT decision_id, identity, names, level, region, released_at, fell_at FROM ended_item",
    "clock": """SELECT DISTINCT ON (kind, aggregate_id) kind, aggregate_id, due_at, suspended_at, met_at,
                       breached_at, error
                  FROM deadline WHERE kind LIKE 'approval_%' ORDER BY kind, aggregate_id, started_at DESC, id DESC""",
    "history": """SELECT aggregate_id, action, from_status, to_status, coalesce(person, subject) AS person
                    FROM history""",
    "notice": "SELECT about_kind, about_id, moved_id, kind, identity FROM notice",
    "told": """SELECT DISTINCT ON (key) key, convert_from(value, 'UTF8')::jsonb -> 'data' -> 'approval' AS approval
                 FROM outbox WHERE type LIKE 'approval.%' ORDER BY key, outbox.id DESC""",
    "document": "SELECT DISTINCT ON (subject_id) subject_id, jws FROM document ORDER BY subject_id, edition DESC",
    "barred": "SELECT execution_id, identity, listed, until FROM barred",
    "counter": "SELECT mark, year, last FROM approval_counter",
}
ORDER: Final = {
    "approval": "submitted_at, id", "clock": "due_at", "history": "action", "notice": "kind", "told": "key",
    "document": "subject_id", "counter": "mark, year", "ended_item": "released_at", "decision": "made_at, id",
    "paper": "paper_number", "barred": "execution_id",
}  # fmt: skip
"""The same in every run of the same acts, as far as anything is drawn from it."""
LOOK: Final = "SELECT " + ", ".join(
    f"(SELECT coalesce(json_agg(t ORDER BY {ORDER[name]}), '[]') FROM ({sql}) t) AS {name}"
    for name, sql in SEEN.items()
)
EMPTY: Final = """
SELECT string_agg(quote_ident(c.relname), ', ') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = current_schema AND c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND c.relname NOT IN ('calendar_version', 'organisation', 'outbox_topic', 'schema_file')
"""
WAITS: Final = """
SELECT min(due_at) FROM deadline
 WHERE met_at IS NULL AND breached_at IS NULL AND suspended_at IS NULL AND error IS NULL AND kind = ANY ($1)
"""


@dataclass
class World:
    """One desk, two operators, three names; acts give the status of their answer."""

    desk: Desk
    bars: int = 0
    papers: int = 0
    decisions: dict[str, DecisionReleasedV1] = field(default_factory=dict)

    async def begin(self) -> None:
        """Everything is empty again."""
        self.desk.clock.advance(MONDAY - self.now)
        self.bars, self.papers, self.decisions = 0, 0, {}
        async with self.desk.api.rt.db.transaction() as tx:
            await tx.execute(f"TRUNCATE {await tx.fetchval(EMPTY)}")

    async def look(self) -> dict[str, list[Row]]:
        """All of it, at one moment. No two acts are of the same second."""
        self.desk.clock.advance(timedelta(seconds=1))
        async with self.desk.api.rt.db.connection() as tx:
            row = await tx.fetchrow(LOOK)
        assert row is not None
        return {name: json.loads(found) if isinstance(found, str) else found for name, found in row.items()}

    @property
    def now(self) -> datetime:
        return self.desk.clock.now()

    def in_days(self, days: int) -> str:
        return (self.now.date() + timedelta(days=days)).isoformat()

    async def ask(self, path: str, body: Any, who: Any, **options: Any) -> int:
        """Ask for something; whatever the answer is, it is an answer."""
        answer = await self.desk.api.post(path, who=who, **({"json": body} | options))
        assert answer.status_code < 500, answer.text
        return int(answer.status_code)

    # -- the operator and its authority --------------------------------------------------------------------------

    async def apply(self, who: str, domain: str) -> int:
        return await self.ask("/approvals", {**APPLICATION, "operator": OPERATORS[who], "domain": domain}, who)

    async def step(self, approval: Row, step: str, who: str | None = None, **changes: Any) -> int:
        """One of the steps of desk.py, by whoever's it is unless somebody else tries."""
        ours = WHO[approval["identity"]] if STEPS[step].who == "applicant" else f"{PLACES[approval['region']]}-a"
        return await self.ask(f"/approvals/{approval['id']}/{step}", {**STEPS[step].body, **changes}, who or ours)

    async def send_back(self, approval: Row, who: str | None, *, for_a_file: bool) -> int:
        asked = [{"code": "drug_licence", "text": "A copy of the licence"}] if for_a_file else FINDINGS
        return await self.step(approval, "return", who, missing=asked)

    async def hand_in(self, approval: Row) -> int:
        path = f"/approvals/{approval['id']}/files?requirement=drug_licence"
        given = {"content": approval["id"].encode(), "headers": {"Content-Type": "application/pdf"}}
        return await self.ask(path, None, WHO[approval["identity"]], **given)

    async def transfer(self, approval: Row, region: str | None) -> int:
        return await self.step(approval, "transfer", region=region, level="province" if region else "national")

    async def grant(self, approval: Row, who: str | None, days: int) -> int:
        return await self.step(approval, "grant", who, valid_until=self.in_days(days), scope=f"Medicines, {days}")

    async def ask_renewal(self, approval: Row, days: int) -> int:
        later = date.fromisoformat(approval["valid_until"]) + timedelta(days=days)
        return await self.step(approval, "renewal-request", valid_until=later.isoformat())

    async def renew(self, approval: Row, *, less: bool) -> int:
        asked = date.fromisoformat(approval["renewal_until"])
        return await self.step(approval, "renewal", valid_until=(asked - timedelta(days=less * 5)).isoformat())

    # -- on paper ------------------------------------------------------------------------------------------------

    async def enter_paper(self, who: str, domain: str, days_ago: int) -> int:
        self.papers += 1
        return await self.ask("/paper-approvals", {
            **BASIS, "paper_number": f"第 {self.papers} 号", "operator": OPERATORS[who], "service_item": ITEM,
            "domain": domain, "scope": "Medicines", "valid_from": self.in_days(-days_ago),
            "valid_until": self.in_days(200), "scan_sha256": examples.DIGEST,
        }, "drugs-a")  # fmt: skip

    async def confirm_paper(self, paper: Row, who: str) -> int:
        seen = {"paper_number": paper["paper_number"], "scan_sha256": paper["scan_sha256"]}
        return await self.ask(f"/paper-approvals/{paper['id']}/confirmation", seen, who)

    async def withdraw_paper(self, paper: Row) -> int:
        why = {"reasons": "It was entered for the wrong operator."}
        return await self.ask(f"/paper-approvals/{paper['id']}/withdrawal", why, "drugs-b")

    # -- decisions in cases, appeals, bars, time -----------------------------------------------------------------

    def decide(self, who: str, domain: str, region: str | None) -> str:
        """A decision ends the item on a site of an operator; it is heard when somebody says so."""
        decision_id, level = uuid7(), "province" if region else "national"
        authority = {**examples.AUTHORITY, "level": level, "region": region}
        grounds = {**examples.GROUNDS, "decision_id": str(decision_id), "authority": authority}
        self.decisions[str(decision_id)] = DecisionReleasedV1.model_validate({
            **DecisionReleasedV1.EXAMPLE, "decision_id": decision_id, "effect": "end_item", "service_item": ITEM,
            "operator": OPERATORS[who], "site": {**examples.FROZEN_SITE, "hosts": [domain]}, "grounds": grounds,
            "released_at": self.now,
        })  # fmt: skip
        return str(decision_id)

    async def falls(self, decision_id: str, how: str) -> None:
        await self.desk.hear(getattr(self.desk, how)(self.decisions[decision_id].decision_id))

    async def appeal(self, refusal: Row, outcome: str) -> None:
        kind = {"refuse": "refusal", "refuse_renewal": "renewal_refusal"}[refusal["action"]]
        act = {"service": "approval", "kind": kind, "id": refusal["id"]}
        await self.desk.hear(self.desk.late(act) if outcome == "overdue" else self.desk.won(act, outcome))

    async def bar(self, who: str, *, listed: bool) -> None:
        self.bars += 1
        await self.desk.hear(BarRecordedV1.model_validate({
            **BarRecordedV1.EXAMPLE, "operator": OPERATORS[who], "seq": self.bars, "listed": listed,
            "until": self.now + timedelta(days=60), "execution_id": uuid7(),
        }))  # fmt: skip

    async def wait(self, by: timedelta) -> None:
        """Time passes, and every clock that runs out meanwhile does what it does, at its time."""
        until, ticks = self.now + by, TickWorker(self.desk.api.rt, DEADLINES)
        while True:
            async with self.desk.api.rt.db.connection() as tx:
                due = await tx.fetchval(WAITS, list(DEADLINES))
            if due is None or due > until:
                break
            self.desk.clock.advance(max(due - self.now, timedelta()))
            while await ticks.tick():
                pass
        self.desk.clock.advance(max(until - self.now, timedelta()))
