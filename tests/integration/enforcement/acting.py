"""Enforcement and the register side by side, and what can be done to them: the acts of test_machine.py."""

import json
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from enforcement.consumer import DEADLINES, HANDLERS, PROJECTIONS
from registry.consumer import DEADLINES as REGISTER_DEADLINES
from registry.consumer import HANDLERS as REGISTER_HANDLERS
from shared.contracts.catalogue import FACTS
from shared.runtime.acts import notices
from shared.runtime.clocks.ticks import TickWorker
from tests.integration.enforcement.conftest import STATED, STATEMENT, Office
from tests.integration.enforcement.test_referrals import POLICE, enter_police
from tests.integration.registry import acting as registering
from tests.integration.registry.acting import EMPTY
from tests.integration.registry.conftest import Register, a_site, owner, provider_recorded, uscc
from tests.support.people import at

Row = dict[str, Any]
T = TypeVar("T")
NOON: Final = at("2026-11-26T04:00")
CODES: Final = tuple(uscc(960_000_000 + number) for number in range(2))
HOSTS: Final = ("one.example", "two.example")
ELSEWHERE: Final = ("three.example", "four.example")
"""Names that nobody has yet."""
ITEM: Final = "drugs_and_devices"
WHY: Final = {"reasons": "So it happens in this story."}
REVIEWERS: Final[dict[str, Any]] = {
    "review-a": "review-a", "review-b": ("review-b", {"organisation": "review-110000", "roles": ["review_body"]}),
    **{who: (who, {"organisation": "review-110000", "roles": ["review_body"]}) for who in ("drugs-b", "drugs-c")},
}  # fmt: skip
"""Two of the review body, and two who acted for the authority before."""
INDUSTRY: Final = {"organisation": "industry-110000", "roles": ["industry_regulator"]}
OFFICERS: Final[dict[str, tuple[Any, Any]]] = {
    "drugs-110000": ("drugs-a", "drugs-b"), "drugs": ("drugs-national-a", "drugs-national-b"),
    "industry-110000": (("regulator-c", INDUSTRY), ("regulator-d", INDUSTRY)),
}  # fmt: skip
"""Two of each authority that a case can come to; those of the industry's are not those who carry out."""
DESKS: Final[dict[str | None, tuple[str, str]]] = {
    "110000": ("regulator-a", "regulator-b"), "310000": ("shanghai-regulator-a", "shanghai-regulator-b"),
    None: ("national-a", "national-b"),
}  # fmt: skip
"""Who carries out, by region."""


def spelt(who: Any) -> Any:
    """The same human under an account that is written otherwise: wide, in capitals, with a blank."""
    name, more = (who, {}) if isinstance(who, str) else who
    wide = "".join(chr(ord(each) + 0xFEE0) if each.isalpha() else each for each in name.upper())
    return name, {**more, "sub": f"{wide} "}


SEEN: Final = {
    "case": "SELECT id, status, outcome, authority_id, identity, site_id, claimed_by FROM enforcement_case",
    "decision": """SELECT d.id, d.status, d.case_id, d.effect, d.drafted_by, d.released_by, d.released_at, d.until,
                          d.correct_by, d.urgent_ground, d.ignored_evidence, d.suspended_because, d.ended_because,
                          d.returned_by, c.site_id, c.authority_id, c.identity
                     FROM decision d JOIN enforcement_case c ON c.id = d.case_id""",
    "appeal": """SELECT id, status, act_id, assigned_to, decided_by, overdue_at, identity, stay, filed_at,
                        (SELECT max(id) FROM history
                          WHERE aggregate_id = appeal.id AND action IN ('uphold', 'reject')) AS decided_no
                   FROM appeal""",
    "acted": """SELECT organisation, coalesce(person, subject) AS person, min(id) AS first FROM history
                 GROUP BY 1, 2""",
    "request": "SELECT id, status, case_id, decision_id, leads_to, asked_by, answered_by FROM regulator_request",
    "transfer": "SELECT from_case, to_case, at FROM case_transfer",
    "hearing": "SELECT id, status, appeal_id, takes_place FROM hearing",
    "referral": """SELECT r.id, r.status, r.case_id, r.drafted_by, r.signed_by, r.sent_at, r.tell_at, r.told_at,
                          c.site_id
                     FROM referral r JOIN enforcement_case c ON c.id = r.case_id""",
    "notice": "SELECT about_id, kind, identity, delivered_at, delivered_by FROM notice",
    "evidence": "SELECT case_id, sha256, added_at FROM case_evidence",
    "failed": "SELECT kind, error FROM deadline WHERE error IS NOT NULL",
}
REGISTER_SEEN: Final = {
    "execution": """SELECT id, decision_id, effect, status, site_id, until, accepted_by, confirmed_by, signed_by,
                           undone_because, carried_out IS NOT NULL AS was_carried_out, region
                      FROM execution""",
    **{name: registering.SEEN[name] for name in
       ("site", "access", "claim", "registration", "operator", "amendment", "merger", "recorded")},
    "orders": """SELECT type, convert_from(value, 'UTF8')::jsonb -> 'data' ->> 'execution_id' AS execution_id
                   FROM outbox WHERE type LIKE 'execution.%'""",
    "executed": "SELECT about_id AS id, kind, identity FROM notice",
    "late": "SELECT kind, error FROM deadline WHERE error IS NOT NULL",
}  # fmt: skip
ORDER: Final = {
    **registering.ORDER,
    "notice": "about_id, kind",
    "evidence": "sha256",
    "failed": "kind",
    "late": "kind",
    "executed": "id, kind",
    "acted": "first",
    "transfer": "at",
    "orders": "execution_id, type",
}


def _look(seen: dict[str, str]) -> str:
    parts = (
        f"(SELECT coalesce(json_agg(t ORDER BY {ORDER.get(name, 'id')}), '[]') FROM ({sql}) t) AS \"{name}\""
        for name, sql in seen.items()
    )
    return "SELECT " + ", ".join(parts)


CLOCKS: Final = {**DEADLINES, notices.DEEMED: notices.deem}
REGISTER_CLOCKS: Final = {**REGISTER_DEADLINES, notices.DEEMED: notices.deem}
NEXT: Final = """
SELECT min(due_at) FROM deadline
 WHERE met_at IS NULL AND breached_at IS NULL AND suspended_at IS NULL AND error IS NULL AND kind = ANY ($1)
"""
SAID: Final = (
    "SELECT id, type, convert_from(value, 'UTF8')::jsonb -> 'data' AS data FROM outbox WHERE id > $1 ORDER BY id"
)


@dataclass
class World:
    """Two sites of two operators, one authority, its regulator, its review body; acts give the status of the answer."""

    office: Office
    register: Register
    read: dict[str, int] = field(default_factory=dict)
    """How far the facts of each were heard by the other."""

    def __post_init__(self) -> None:
        self.desk = registering.World(self.register)

    @property
    def now(self) -> datetime:
        """What time it is for both."""
        return self.office.clock.now()

    async def begin(self) -> None:
        """Everything is empty again, but for two sites."""
        self.office.clock.advance(NOON - self.now)
        for each in (self.office, self.register):
            async with each.api.rt.db.transaction() as tx:
                await tx.execute(f"TRUNCATE {await tx.fetchval(EMPTY)}")
        enter_police(self.office)
        await self.register.hear(provider_recorded())
        await self.office.hear(provider_recorded())
        for code, host in zip(CODES, HOSTS, strict=True):
            await self.register.active(a_site(host, service_items=["general"]), code)
        await self.pump()

    async def pump(self) -> None:
        """Each hears what the other told, until nobody has anything to say."""
        pairs: Any = (
            (self.office, self.register, REGISTER_HANDLERS),
            (self.register, self.office, {**HANDLERS, **PROJECTIONS}),
        )
        heard = True
        while heard:
            heard = False
            for name, (teller, hearer, handlers) in zip("er", pairs, strict=True):
                async with teller.api.rt.db.connection() as tx:
                    rows = await tx.fetch(SAID, self.read.get(name, 0))
                for row in rows:
                    self.read[name] = row["id"]
                    if FACTS[row["type"]] in handlers:
                        heard = True
                        await hearer.hear(FACTS[row["type"]].model_validate(row["data"]))

    async def look(self) -> dict[str, list[Row]]:
        """All of it."""
        found: dict[str, list[Row]] = {}
        for each, seen in ((self.office, SEEN), (self.register, REGISTER_SEEN)):
            async with each.api.rt.db.connection() as tx:
                row = await tx.fetchrow(_look(seen))
            assert row is not None
            found |= {name: json.loads(rows) if isinstance(rows, str) else rows for name, rows in row.items()}
        return found

    @staticmethod
    def one_with(code: str, seen: dict[str, list[Row]]) -> set[str]:
        """Whom the register takes for the same operator, who was several before."""
        code_of = {each["id"]: each["identity"] for each in seen["operator"]}
        return {code} | {
            code_of[one] for each in seen["merger"] for one in (each["survivor_id"], each["merged_id"])
            if each["status"] in {"confirmed", "undone"}
        }  # fmt: skip

    async def ask(self, path: str, body: Any, who: Any) -> int:
        """Somebody asks enforcement; both hear what follows."""
        answer = await self.office.api.post(path, json=body, who=who)
        await self.pump()
        return int(answer.status_code)

    async def wait(self, by: timedelta) -> None:
        """Time passes, and every clock that runs out meanwhile does what it does, at its time."""
        until = self.now + by
        both: Any = ((self.office, CLOCKS), (self.register, REGISTER_CLOCKS))
        while True:
            dues = [await each.fetchval(NEXT, list(clocks)) for each, clocks in both]
            due = min((one for one in dues if one is not None), default=None)
            if due is None or due > until:
                break
            self.office.clock.advance(max(due - self.now, timedelta()))
            for each, clocks in both:
                while await TickWorker(each.api.rt, clocks).tick():
                    pass
            await self.pump()
        self.office.clock.advance(until - self.now)

    # -- what the authority does ---------------------------------------------------------------------------------

    async def open_case(self, host: str, who: str) -> int:
        body = {"about": {"kind": "site", "domain": host}, "service_item": ITEM, "ground": "unlawful_medicines",
                "alleged_breach": "Sells medicines without consent.", "legal_basis": ["P3.2.1"]}  # fmt: skip
        return await self.ask("/cases", body, who)

    async def file(self, case_id: str, what: str, who: Any) -> str | None:
        path = f"/cases/{case_id}/evidence"
        answer = await self.office.api.post(path, content=f"{what} {self.now}".encode(), who=who,
                                            headers={"Content-Type": "text/plain"})  # fmt: skip
        return str(answer.json()["sha256"]) if answer.status_code == 201 else None

    async def draft(self, case: Row, effect: str, who: Any, *, urgent: bool) -> int:
        sha256 = await self.file(case["id"], f"For {effect}", who)
        body: dict[str, Any] = {"effect": effect, "statement": STATEMENT, "evidence_hashes": [sha256 or "0" * 64]}
        if effect == "suspend_access":
            body["until"] = (self.now + timedelta(days=29)).isoformat()
        if effect == "correct":
            body["correct_by"] = (self.now + timedelta(days=9)).isoformat()
        if urgent and effect == "suspend_access":
            body["urgent_ground"] = "danger_to_life"
        return await self.ask(f"/cases/{case['id']}/decisions", body, who)

    async def opens_mail(self) -> int:
        """Both operators open everything that they were told."""
        async with self.office.api.rt.db.transaction() as tx:
            rows = await tx.fetch(
                "SELECT id FROM notice WHERE delivered_at IS NULL AND identity = ANY ($1)", list(CODES)
            )
            for row in rows:
                await notices.opened(tx, await notices.get(tx, row["id"]), self.now)
        await self.pump()
        return len(rows)

    async def release(self, decision: Row, who: Any) -> int:
        shown = await self.office.api.get(f"/decisions/{decision['id']}", who=who)
        if shown.status_code != 200 or shown.json()["preview"] is None:
            return int(shown.status_code)
        seen = shown.json()
        named = [each["site_id"] for each in seen["preview"]["neighbours"]]
        changed = seen["since_draft"]["digest"] if seen["since_draft"] else None
        body = {"signature": {"preview_digest": seen["preview_digest"], "collateral": named}, "since_draft": changed}
        return await self.ask(f"/decisions/{decision['id']}/release", body, who)

    async def correction(self, order: Row, who: Any, *, obeyed: bool) -> int:
        sha256 = await self.file(order["case_id"], "Still there", who)
        body = {"obeyed": obeyed, **STATED, "evidence_hashes": [sha256] if sha256 else []}
        return await self.ask(f"/decisions/{order['id']}/correction", body, who)

    # -- what the regulator does ---------------------------------------------------------------------------------

    async def sign(self, execution: Row, who: Any) -> int:
        first, _ = DESKS[execution["region"]]
        shown = await self.register.api.get(f"/executions/{execution['id']}", who=first)
        if shown.status_code != 200:
            return int(shown.status_code)
        seen = shown.json()
        body = {"reasons": "The decision is lawful.", "signature": {
            "preview_digest": seen["preview_digest"] or "0" * 64,
            "collateral": [each["site_id"] for each in (seen["preview"] or {"neighbours": []})["neighbours"]],
        }}  # fmt: skip
        step = "acceptance" if execution["status"] == "received" else "confirmation"
        return await self.at_register(self.desk.ask(f"/executions/{execution['id']}/{step}", body, who))

    async def step_back(self, execution: Row, how: str) -> int:
        body = STATED if how == "decline" else WHY
        _, second = DESKS[execution["region"]]
        return await self.at_register(self.desk.ask(f"/executions/{execution['id']}/{how}", body, second))

    async def at_register(self, act: Awaitable[T]) -> T:
        """Something is done at the register, and both hear what follows."""
        answer = await act
        await self.pump()
        return answer

    async def request(self, order: Row, who: str) -> int:
        body = {"asks": "cut_access", "decision_id": order["id"], "documents": order["ignored_evidence"], **STATED}
        return await self.ask(f"/cases/{order['case_id']}/regulator-requests", body, who)

    async def minutes(self, appeal: Row, who: Any) -> str:
        """What was said, handed in as a paper."""
        answer = await self.office.api.post(
            f"/appeals/{appeal['id']}/papers?title=Minutes", content=f"Said {self.now}".encode(), who=who,
            headers={"Content-Type": "text/plain"},
        )  # fmt: skip
        return str(answer.json()["sha256"]) if answer.status_code == 201 else "0" * 64

    # -- appeals and referrals -----------------------------------------------------------------------------------

    async def appeal(self, decision: Row, code: str, *, stay: bool) -> int:
        act = {"service": "enforcement", "kind": "decision", "id": decision["id"]}
        body = {"act": act, "grounds": "It was never so, as the annex shows.", "asks_for_stay": stay}
        return await self.ask("/appeals", body, owner(code))

    async def refer(self, case: Row, who: str, *, days: int) -> int:
        sha256 = await self.file(case["id"], "What was bought", who)
        body: dict[str, Any] = {"receiver": "security-110000", "evidence_hashes": [sha256 or "0" * 64], **STATED}
        if days:
            body |= {"delay_ground": "danger_to_person", "tell_at": (self.now + timedelta(days=days)).isoformat()}
        return await self.ask(f"/cases/{case['id']}/referrals", body, who)

    async def answer(self, referral: Row) -> int:
        await self.ask(f"/referrals/{referral['id']}/receipt", {}, POLICE)
        return await self.ask(f"/referrals/{referral['id']}/answer", {"outcome": "taken_up", **STATED}, POLICE)


def code_of(row: Row) -> str:
    """The credit code of whom a row is about."""
    return str(row["identity"])
