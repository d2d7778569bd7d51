"""Ways to every status of a case, a decision and an appeal."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from enforcement.lifecycle import UNRELEASED, AppealStatus, CaseStatus, Status
from shared.contracts.notices import RegistryNoticeIssuedV1
from shared.contracts.registry import ExecutionDeclinedV1
from shared.runtime.base.ids import uuid7
from tests.integration.enforcement.conftest import EASED, STATED, Office, site_recorded
from tests.integration.enforcement.test_cases import in_place
from tests.integration.sweep.world import Record
from tests.support.people import OPERATOR_USCC, PEOPLE

ITEM: Final = "drugs_and_devices"
OURS: Final = {"authority": "drugs-110000", "item": ITEM, "to": OPERATOR_USCC}
CURE_DAYS: Final = 31
Drafted = dict[Status, dict[str, Any]]
"""A decision on its way to each status."""


@dataclass
class Files:
    """What lies in the files of this service."""

    office: Office
    domain: str = ""
    """Of a site that no case is about."""
    cases: list[Record] = field(default_factory=list)
    decisions: list[Record] = field(default_factory=list)
    appeals: list[Record] = field(default_factory=list)
    evidence: list[Record] = field(default_factory=list)

    @classmethod
    async def of(cls, office: Office) -> "Files":
        """Fill them."""
        files = cls(office)
        site = site_recorded()
        files.domain = site.domains[0]
        await files._decide()
        await files._suspect()
        await files._cite()
        await office.hear(site)
        return files

    async def _decide(self) -> None:
        """A decision in every status, each in a case of its own: all drafted at once, since each waits for its cure."""
        office, by = self.office, (self.office.clock.now() + timedelta(days=9)).isoformat()
        drafted: Drafted = {
            status: await office.draft(await office.case()) for status in Status if status is not Status.IGNORED
        }
        orders = [await office.draft(await office.case(), "correct", correct_by=by) for _ in range(2)]
        for decision in drafted.values():
            await office.opens(decision, "decision_intended")
        for decision in orders:
            await office.release(decision)
            await office.opens(decision, "decision_released")
        office.clock.advance(timedelta(days=CURE_DAYS))
        await office.post(f"/decisions/{drafted[Status.WITHDRAWN]['id']}/withdrawal", _WHY, "drugs-a")
        await office.post(f"/decisions/{drafted[Status.RETURNED]['id']}/return", _WHY, "drugs-b")
        for status, decision in drafted.items():
            if status not in _UNSIGNED:
                await office.release(decision)
        await office.executed(drafted[Status.EXECUTED])
        await office.hear(office.says(ExecutionDeclinedV1, drafted[Status.DECLINED]))
        await office.post(f"/decisions/{orders[0]['id']}/correction", await office.ignored(orders[0]), "drugs-b")
        await office.post(f"/decisions/{drafted[Status.ENDED]['id']}/lift", STATED, "drugs-a")
        await self._challenge(drafted)
        appealed = {Status.SUSPENDED, Status.OVERTURNED, Status.EXECUTED, Status.DECLINED}
        for status, decision in drafted.items():
            came_to = () if status in _UNSIGNED else ("industry-110000",)
            await self._lies(decision, status, (*came_to, *(("review-110000",) if status in appealed else ())))
        await self._lies(orders[0], Status.IGNORED, ())
        seen = (await office.ignored(orders[1]))["evidence_hashes"]
        await self._lies(orders[1], Status.RELEASED, (), evidence_hashes=seen)

    async def _lies(self, decision: dict[str, Any], status: Status, came_to: tuple[str, ...], **more: Any) -> None:
        assert await self.office.status(decision) == status
        words = {**OURS, "came_to": came_to, "released": status not in _UNSIGNED}
        self.decisions.append(Record({"decision_id": decision["id"]}, words, status, more))
        self.cases.append(Record({"case_id": decision["case_id"]}, {**OURS, "came_to": came_to}))

    async def _challenge(self, drafted: Drafted) -> None:
        """Appeals against four of them, one of each outcome; and one against a refusal of the register."""
        office = self.office
        outcomes = {
            Status.SUSPENDED: AppealStatus.OPEN, Status.OVERTURNED: AppealStatus.UPHELD,
            Status.EXECUTED: AppealStatus.REJECTED, Status.DECLINED: AppealStatus.OPEN,
        }  # fmt: skip
        filed = {status: await office.appeal(drafted[status], asks_for_stay=True) for status in outcomes}
        paths = {status: f"/appeals/{appeal['id']}" for status, appeal in filed.items()}
        await office.post(f"{paths[Status.SUSPENDED]}/stay", {"granted": True, **EASED}, "review-a")
        await office.post(f"{paths[Status.OVERTURNED]}/decision", {"outcome": "upheld", **EASED}, "review-a")
        await office.post(f"{paths[Status.EXECUTED]}/decision", {"outcome": "rejected", **EASED}, "review-a")
        words = {"to": OPERATOR_USCC, "authority": "drugs-110000", "body": "review-110000"}
        self.appeals += [
            Record({"appeal_id": filed[status]["id"]}, words, outcome) for status, outcome in outcomes.items()
        ]
        foreign = await self._foreign()
        self.appeals.append(
            Record({"appeal_id": foreign["id"]}, {**words, "authority": foreign["authority"]["id"]}, AppealStatus.OPEN)
        )

    async def _foreign(self) -> dict[str, Any]:
        example, act = RegistryNoticeIssuedV1.EXAMPLE, {"service": "registry", "kind": "refusal", "id": str(uuid7())}
        await self.office.hear(RegistryNoticeIssuedV1.model_validate({
            **example, "act": act, "act_id": act["id"], "to": {"identity": OPERATOR_USCC, "name": "Example"},
            "grounds": {**example["grounds"], "case_id": None, "decision_id": None},
        }))  # fmt: skip
        body = {"act": act, "grounds": "Everything that was missing had been handed in."}
        return await self.office.post("/appeals", body, "applicant", 201)

    async def _suspect(self) -> None:
        """Cases without a decision: open and ended ones of ours, and those of other desks."""
        office = self.office
        opened = [await office.case() for _ in CaseStatus]
        await office.post(f"/cases/{opened[1]['id']}/discontinuation", STATED, "drugs-a")
        for case, status in zip(opened, CaseStatus, strict=True):
            self.cases.append(Record({"case_id": case["id"]}, {**OURS, "came_to": ()}, status))
        for who, place, item in (
            ("shanghai-drugs-a", in_place("310000"), ITEM), ("regulator-a", in_place("110000"), None),
            ("drugs-national-a", in_place("110000", "national"), ITEM),
        ):  # fmt: skip
            case = await office.case(site_recorded(**place), who=who, service_item=item)
            words = {"authority": PEOPLE[who]["organisation"], "item": item, "came_to": ()}
            self.cases.append(Record({"case_id": case["id"]}, words))
            sha256 = await office.file(case["id"], f"Seen by {who}".encode(), who)
            self.evidence.append(Record({"sha256": sha256}, words))

    async def _cite(self) -> None:
        """A draft that cites a piece that whom it burdens may read, and one that is withheld from them."""
        case = await self.office.case()
        pieces = {
            "shown": await self.office.file(case["id"], b"What an officer saw."),
            "withheld": await self.office.file(case["id"], b"Who complained.", confidential="It names who complained."),
        }
        await self.office.draft(case, evidence_hashes=list(pieces.values()))
        for cited, sha256 in pieces.items():
            self.evidence.append(Record({"sha256": sha256}, {**OURS, "came_to": (), "cited": cited}))


_UNSIGNED: Final = {*UNRELEASED, Status.WITHDRAWN}
_WHY: Final = {"reasons": "It was a mistake of ours."}
