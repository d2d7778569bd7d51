"""Ways to every status of an appeal and of a hearing, and papers of both sides."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from enforcement.lifecycle import HEARING, AppealAction, AppealStatus, HearingAction, HearingStatus
from enforcement.policy import HEARING_ACTS
from shared.rules import Role
from shared.runtime.base.context import Caller
from tests.integration.enforcement.conftest import EASED, Office
from tests.integration.enforcement.test_hearings import WITHHELD, hand_in, invitation
from tests.integration.sweep.world import Kind, May, Record, Verb, Words
from tests.support.people import OPERATOR_USCC

WHY: Final = {"reasons": "Whoever had it is on leave until the clock is over."}
WORDS: Final = {"to": OPERATOR_USCC, "authority": "drugs-110000", "body": "review-110000"}
TEXT: Final[Mapping[str, str]] = {"Content-Type": "text/plain"}


@dataclass
class Redress:
    """What else lies with the review body."""

    office: Office
    appeals: list[Record] = field(default_factory=list)
    hearings: list[Record] = field(default_factory=list)
    papers: list[Record] = field(default_factory=list)

    @classmethod
    async def of(cls, office: Office) -> "Redress":
        """Fill it."""
        found = cls(office)
        await found._end()
        await found._hear()
        return found

    async def _end(self) -> None:
        """One that was withdrawn, and one that came too late."""
        office = self.office
        withdrawn, late = await office.appeal(await office.released()), await office.released()
        await office.post(f"/appeals/{withdrawn['id']}/withdrawal", WHY, "applicant")
        await office.opens(late, "decision_released")
        office.clock.advance(timedelta(days=100))
        refused = await office.appeal(late)
        self.appeals += [
            Record({"appeal_id": withdrawn["id"]}, WORDS, AppealStatus.WITHDRAWN),
            Record({"appeal_id": refused["id"]}, WORDS, AppealStatus.REFUSED),
        ]

    async def _hear(self) -> None:
        """A hearing in every status, each of an appeal of its own, and what was handed in."""
        office = self.office
        appeals = {status: await office.appeal(await office.released()) for status in HearingStatus}
        invited = {
            status: await office.post(f"/appeals/{appeal['id']}/hearings", invitation(office), "review-a", 201)
            for status, appeal in appeals.items()
        }
        office.clock.advance(timedelta(days=11))
        for status, hearing in invited.items():
            path, at = f"/hearings/{hearing['id']}", {"hearing_id": hearing["id"]}
            paper = await hand_in(office, f"/appeals/{hearing['appeal_id']}", b"What was said.", "review-a")
            minutes = {"minutes": paper.json()["sha256"], "present": ["appellant", "authority"]}
            if status is HearingStatus.HELD:
                await office.post(f"{path}/minutes", minutes, "review-a")
            elif status is HearingStatus.CANCELLED:
                await office.post(f"{path}/cancellation", WHY, "review-a")
            self.hearings.append(Record(at, WORDS, status, {"minutes": minutes}))
            self.appeals.append(Record({"appeal_id": hearing["appeal_id"]}, WORDS))
        held = f"/appeals/{invited[HearingStatus.HELD]['appeal_id']}"
        for who, why in (("applicant", None), ("applicant", WITHHELD), ("drugs-a", None), ("drugs-a", WITHHELD)):
            paper = await hand_in(office, held, f"{who} {why}".encode(), who, why)
            at = {"sha256": paper.json()["sha256"], "appeal_id": held.removeprefix("/appeals/")}
            side = WORDS["to"] if who == "applicant" else WORDS["authority"]
            self.papers.append(Record(at, {**WORDS, "side": side, "withheld": why is not None}))


def verbs(office: Office, path: str) -> list[Verb]:
    """What can be done with an appeal besides deciding it."""
    return [
        Verb(f"{path}/assignment", "review-a", WHY, AppealAction.ASSIGN),
        Verb(f"{path}/withdrawal", "applicant", WHY, AppealAction.WITHDRAW),
        Verb(f"{path}/admission", "review-a", EASED, AppealAction.ADMIT),
        Verb(f"{path}/papers?title=Ours", "applicant", b"What we say.", AppealAction.HAND_IN, headers=lambda _: TEXT),
        Verb(f"{path}/hearings", "review-a", lambda *_: invitation(office), AppealAction.INVITE,
             again="hearing_pending"),
    ]  # fmt: skip


def kinds(redress: Redress, may_read_appeal: May) -> list[Kind]:
    """Hearings, and papers."""

    def may_read_paper(who: Caller, paper: Words) -> bool:
        if not may_read_appeal(who, paper):
            return False
        party = bool(who.roles & {Role.OPERATOR, Role.ACCESS_PROVIDER, Role.SECTOR_REGULATOR, Role.INDUSTRY_REGULATOR})
        other = party and who.organisation != paper["side"]
        return not (paper["withheld"] and other)

    path = "POST /hearings/{hearing_id}"
    of_appeal = ("/appeals/{appeal_id}/papers", "/appeals/{appeal_id}/hearings")
    return [
        Kind(redress.hearings, may_read_appeal, reads=("/hearings/{hearing_id}",), author="auditor", lifecycle=HEARING,
             acts=HEARING_ACTS.keys(), verbs=[
                 Verb(f"{path}/minutes", "review-a", lambda record, _: record.more["minutes"], HearingAction.RECORD),
                 Verb(f"{path}/cancellation", "review-a", WHY, HearingAction.CANCEL),
             ]),
        Kind(redress.papers, may_read_paper, reads=("/appeals/{appeal_id}/papers/{sha256}",)),
        Kind(redress.appeals, may_read_appeal, reads=of_appeal),
    ]  # fmt: skip
