"""Bodies that are right, to be spoilt by a test, ways to every status, and what the service wrote down."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

import orjson

from approval.consumer import DEADLINES, HANDLERS, PROJECTIONS
from approval.lifecycle import Action, Status
from shared.contracts import examples
from shared.contracts.base import Fact
from shared.contracts.enforcement import (
    AppealDecidedV1,
    AppealOverdueV1,
    DecisionEndedV1,
    DecisionOverturnedV1,
    DecisionReleasedV1,
    DecisionSuspendedV1,
)
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.context import EventMeta
from shared.runtime.base.ids import uuid7
from shared.runtime.clocks.ticks import TickWorker
from tests.support.people import OPERATOR_USCC, at
from tests.support.service import Api, Who

OPERATOR: Final = {"identity": OPERATOR_USCC, "name": "Example Pharmacy Ltd"}
BASIS: Final[dict[str, Any]] = {
    "legal_basis": ["P3.1.3"],
    "reasons": "The applicant meets every condition of the order.",
}
FINDINGS: Final = [
    {"code": "no_pharmacist", "text": "No pharmacist is in charge."},
    {"code": "no_cold_chain", "text": "Medicines cannot be kept cold on the way."},
]
APPLICATION: Final[dict[str, Any]] = {
    "operator": OPERATOR,
    "service_item": "drugs_and_devices",
    "scope_of_service": "Over-the-counter medicines",
    "level": "province",
    "region": "110000",
}


class Step(NamedTuple):
    """What somebody can do over HTTP: the action, who does it, and a body that is right."""

    action: Action
    who: str
    body: Mapping[str, Any]


STEPS: Final[dict[str, Step]] = {
    "return": Step(Action.RETURN, "drugs-a", {"missing": FINDINGS}),
    "resubmission": Step(Action.RESUBMIT, "applicant", {"answer": "Both certificates were handed in."}),
    "transfer": Step(
        Action.TRANSFER,
        "drugs-a",
        {"legal_basis": ["P3.1.1"], "reasons": "Sale across provinces is for the ministry.", "level": "national"},
    ),
    "grant": Step(Action.GRANT, "drugs-a", {**BASIS, "scope": "Medicines", "valid_until": "2029-11-22"}),
    "refusal": Step(Action.REFUSE, "drugs-a", {**BASIS, "findings": FINDINGS}),
    "not-required": Step(Action.FIND_NOT_REQUIRED, "drugs-a", BASIS),
    "renewal-request": Step(
        Action.ASK_RENEWAL, "applicant", {"valid_until": "2031-10-22", "reasons": "The pharmacy goes on."}
    ),
    "renewal": Step(Action.RENEW, "drugs-a", {**BASIS, "valid_until": "2031-10-22"}),
    "renewal-refusal": Step(Action.REFUSE_RENEWAL, "drugs-a", {**BASIS, "findings": FINDINGS}),
}
"""By the last part of the address."""
LAPSE, END = "(lapse)", "(end)"
WAY_TO: Final[dict[Status, list[str]]] = {
    Status.SUBMITTED: [],
    Status.RETURNED: ["return"],
    Status.RESUBMITTED: ["return", "resubmission"],
    Status.GRANTED: ["grant"],
    Status.RENEWING: ["grant", "renewal-request"],
    Status.REFUSED: ["refusal"],
    Status.NOT_REQUIRED: ["not-required"],
    Status.LAPSED: ["grant", LAPSE],
    Status.ENDED: ["grant", END],
}

_names = count(1)


@dataclass
class Desk:
    """The service, used as people use it."""

    api: Api
    clock: FixedClock
    domains: dict[str, str] = field(default_factory=dict)
    """By the id of an approval."""

    async def apply(self, who: Who = "applicant", **changes: Any) -> Any:
        """Apply, for another domain each time."""
        body = {**APPLICATION, "domain": f"pharmacy{next(_names)}.example", **changes}
        return await self.api.post("/approvals", json=body, who=who)

    async def applied(self, who: Who = "applicant", **changes: Any) -> str:
        """The id of a new application."""
        answer = await self.apply(who, **changes)
        assert answer.status_code == 201, answer.text
        self.domains[answer.json()["id"]] = answer.json()["domain"]
        return str(answer.json()["id"])

    async def do(self, approval_id: str, step: str, who: Who = None, key: str | None = None, **changes: Any) -> Any:
        """Let whoever does this step do it."""
        body = {**STEPS[step].body, **changes}
        return await self.api.post(f"/approvals/{approval_id}/{step}", json=body, who=who or STEPS[step].who, key=key)

    async def done(self, approval_id: str, step: str, **options: Any) -> Any:
        """The same, which succeeds."""
        answer = await self.do(approval_id, step, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def at(self, status: Status, **changes: Any) -> str:
        """The id of an approval in this status."""
        approval_id = await self.applied(**changes)
        for step in WAY_TO[status]:
            if status is Status.LAPSED and step == "grant":
                await self.done(approval_id, step, valid_until=str(self.clock.now().date() + timedelta(days=2)))
            elif step == LAPSE:
                await self.travel((self.clock.now() + timedelta(days=3)).isoformat())
            elif step == END:
                await self.hear(self.ending(approval_id))
            else:
                await self.done(approval_id, step)
        assert (await self.read(approval_id))["status"] == status
        return approval_id

    async def read(self, approval_id: str, who: Who = "applicant") -> Any:
        """Read an approval."""
        return (await self.api.get(f"/approvals/{approval_id}", who=who)).json()

    async def travel(self, to: str) -> int:
        """Move the clock on to a time in UTC, and let ring what is due; gives how many rang."""
        moment = at(to)
        if (forward := moment - self.clock.now()) > timedelta():
            self.clock.advance(forward)
        return await TickWorker(self.api.rt, DEADLINES).tick()

    def ending(self, approval: str, decision_id: UUID | None = None, **changes: Any) -> DecisionReleasedV1:
        """The fact that a decision ends the item on the site of an approval."""
        decision_id = decision_id or uuid7()
        grounds = {**examples.GROUNDS, "decision_id": str(decision_id)}
        more = {
            "effect": "end_item", "operator": OPERATOR, "service_item": "drugs_and_devices",
            "site": {**examples.FROZEN_SITE, "hosts": [self.domains[approval]]},
            "released_at": self.clock.now(),
        }  # fmt: skip
        fact = {**DecisionReleasedV1.EXAMPLE, "decision_id": decision_id, "grounds": grounds, **more, **changes}
        return DecisionReleasedV1.model_validate(fact)

    def overturned(self, decision_id: UUID) -> DecisionOverturnedV1:
        """The fact that a decision was overturned."""
        return DecisionOverturnedV1.model_validate({**DecisionOverturnedV1.EXAMPLE, "decision_id": decision_id})

    def suspended(self, decision_id: UUID) -> DecisionSuspendedV1:
        """The fact that a decision is suspended, its appeal being late."""
        return DecisionSuspendedV1.model_validate({**DecisionSuspendedV1.EXAMPLE, "decision_id": decision_id})

    def lifted(self, decision_id: UUID) -> DecisionEndedV1:
        """The fact that the authority lifted its own decision."""
        return DecisionEndedV1.model_validate({**DecisionEndedV1.EXAMPLE, "decision_id": decision_id})

    def won(self, act: dict[str, Any], outcome: str = "upheld") -> AppealDecidedV1:
        """The fact that an appeal against an act was decided."""
        about = {"act": act, "act_id": act["id"], "outcome": outcome}
        return AppealDecidedV1.model_validate({**AppealDecidedV1.EXAMPLE, **about})

    def late(self, act: dict[str, Any]) -> AppealOverdueV1:
        """The fact that an appeal against an act was not decided in time."""
        return AppealOverdueV1.model_validate({**AppealOverdueV1.EXAMPLE, "act": act, "act_id": act["id"]})

    async def notices(self) -> list[dict[str, Any]]:
        """What the applicant was told, oldest first: each notice opened."""
        listed = (await self.api.get("/notices", who="applicant")).json()["items"]
        found = [await self.api.get(f"/notices/{each['id']}", who="applicant") for each in reversed(listed)]
        return [each.json()["notice"] for each in found]

    def hearing(self, fact: Fact) -> Callable[[], Awaitable[None]]:
        """Hear a fact, as the consumer does."""

        async def hear() -> None:
            meta = EventMeta(uuid4(), fact.key, fact.TOPIC.name, 0, 0, self.clock.now())
            async with self.api.rt.db.transaction() as tx:
                if type(fact) in PROJECTIONS:
                    await PROJECTIONS[type(fact)](self.api.rt, tx, [fact])
                else:
                    await HANDLERS[type(fact)](self.api.rt, tx, fact, meta)

        return hear

    async def hear(self, fact: Fact) -> None:
        """Hear a fact now."""
        await self.hearing(fact)()

    async def facts(self, approval_id: str) -> list[tuple[str, dict[str, Any]]]:
        """What the others were told about an approval, in order."""
        async with self.api.rt.db.connection() as tx:
            rows = await tx.fetch(
                "SELECT type, value FROM outbox WHERE key = $1 AND type LIKE 'approval.%' ORDER BY id", approval_id
            )
        return [(row["type"], orjson.loads(row["value"])["data"]) for row in rows]

    async def trail(self, approval_id: str) -> list[tuple[str, str | None, str, str]]:
        """Action, from, to and subject of each move, in order."""
        sql = "SELECT action, from_status, to_status, subject FROM history WHERE aggregate_id = $1 ORDER BY id"
        async with self.api.rt.db.connection() as tx:
            return [tuple(row) for row in await tx.fetch(sql, UUID(approval_id))]

    async def audited(self, outcome: str) -> list[tuple[str, str, str | None, dict[str, Any]]]:
        """Who did or was refused what: subject, act, code and detail."""
        async with self.api.rt.db.connection() as tx:
            rows = await tx.fetch(
                "SELECT subject, act, code, detail FROM audit WHERE outcome = $1 ORDER BY id", outcome
            )
        return [tuple(row) for row in rows]
