"""Ways to every status of a request to the regulator and of a referral."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from enforcement.lifecycle import (
    REFERRAL,
    REQUEST,
    ReferralAction,
    ReferralStatus,
    RequestAction,
    RequestStatus,
)
from enforcement.policy import REFERRAL_ACTS, REQUEST_ACTS
from shared.rules import Role
from shared.runtime.base.context import Caller
from tests.integration.enforcement.conftest import STATED, Office
from tests.integration.enforcement.test_referrals import POLICE, TAKEN_UP, enter_police
from tests.integration.enforcement.test_requests import wanted
from tests.integration.sweep.world import Kind, NoRole, Record, Verb, Words, a_person
from tests.support.people import OPERATOR_USCC

WHY: Final = {"reasons": "We looked at every piece of the list."}
AUTHORITIES: Final = {Role.SECTOR_REGULATOR, Role.INDUSTRY_REGULATOR}
PARTIES: Final = {Role.OPERATOR, Role.ACCESS_PROVIDER}
ASKER: Final = "drugs-110000"
UNSENT: Final = {ReferralStatus.DRAFTED, ReferralStatus.WITHDRAWN}


def may_read_request(who: Caller, request: Words) -> bool:
    """Who asked, and the regulators that have it or had it; auditors."""
    if not who.roles & {*AUTHORITIES, Role.AUDITOR}:
        raise NoRole
    asked = Role.SECTOR_REGULATOR in who.roles and who.organisation == ASKER
    desk = Role.INDUSTRY_REGULATOR in who.roles and who.organisation in request["desks"]
    return asked or desk or Role.AUDITOR in who.roles


def may_read_referral(who: Caller, referral: Words) -> bool:
    """Whose it is; the receiver once it was sent; whom it is about once told; auditors."""
    if not who.roles & {*AUTHORITIES, *PARTIES, Role.SECURITY_AUTHORITY, Role.AUDITOR}:
        raise NoRole
    own = bool(who.roles & AUTHORITIES) and who.organisation == ASKER
    sent = Role.SECURITY_AUTHORITY in who.roles and referral["sent"] and who.organisation == "security-110000"
    told = bool(who.roles & PARTIES) and referral["told"] and who.organisation == OPERATOR_USCC
    return own or sent or told or Role.AUDITOR in who.roles


def may_ask(who: Caller, _: Words) -> bool:
    """A sector regulator in its own case."""
    return Role.SECTOR_REGULATOR in who.roles and who.organisation == ASKER


def may_refer(who: Caller, _: Words) -> bool:
    """An authority in its own case, while it is competent."""
    return Role.SECTOR_REGULATOR in who.roles and who.organisation == ASKER


@dataclass
class Asked:
    """What was asked and handed over."""

    office: Office
    requests: list[Record] = field(default_factory=list)
    referrals: list[Record] = field(default_factory=list)
    document_id: str = ""
    """Of a referral that was sent."""
    cases: list[Record] = field(default_factory=list)
    """In which something can be asked, or referred."""

    @classmethod
    async def of(cls, office: Office) -> "Asked":
        """Fill it."""
        enter_police(office)
        found = cls(office)
        await found._ask()
        await found._refer()
        return found

    async def _ask(self) -> None:
        office, by = self.office, (self.office.clock.now() + timedelta(days=9)).isoformat()
        states = [*RequestStatus, None]
        orders = [await office.draft(await office.case(), "correct", correct_by=by) for _ in states]
        for order in orders:
            await office.release(order)
            await office.opens(order, "decision_released")
        office.clock.advance(timedelta(days=10))
        ends = {RequestStatus.ACCEPTED: ("acceptance", STATED, "regulator-a"), RequestStatus.DECLINED: (
            "decline", STATED, "regulator-a"), RequestStatus.WITHDRAWN: ("withdrawal", WHY, "drugs-a")}  # fmt: skip
        for status, drafted in zip(states, orders, strict=True):
            body = await office.ignored(drafted)
            order = await office.post(f"/decisions/{drafted['id']}/correction", body, "drugs-b")
            if status is None:
                self.cases.append(Record({"case_id": order["case_id"]}, {}, None, wanted(order)))
                continue
            path = f"/cases/{order['case_id']}/regulator-requests"
            asked = await office.post(path, wanted(order), "drugs-b", 201)
            if status in ends:
                verb, said, who = ends[status]
                await office.post(f"/regulator-requests/{asked['id']}/{verb}", said, who)
            self.requests.append(Record({"request_id": asked["id"]}, {"desks": ["industry-110000"]}, status))

    async def _refer(self) -> None:
        office = self.office
        for status in (*ReferralStatus, None):
            case = await office.case(ground="unlawful_medicines")
            sha256 = await office.file(case["id"], b"What was bought.")
            body = {"receiver": "security-110000", "evidence_hashes": [sha256], **STATED}
            if status is None:
                self.cases.append(Record({"case_id": case["id"]}, {}, None, body))
                continue
            drafted = await office.post(f"/cases/{case['id']}/referrals", body, "drugs-a", 201)
            path, sent = f"/referrals/{drafted['id']}", status not in UNSENT
            if status is ReferralStatus.WITHDRAWN:
                await office.post(f"{path}/withdrawal", WHY, "drugs-a")
            if sent:
                await office.post(f"{path}/signature", WHY, "drugs-b")
                shown = await office.get(f"{path}/document", "drugs-a")
                self.document_id = shown["document"]["document_id"]
            if status in {ReferralStatus.RECEIVED, ReferralStatus.ANSWERED}:
                await office.post(f"{path}/receipt", {}, POLICE)
            if status is ReferralStatus.ANSWERED:
                await office.post(f"{path}/answer", TAKEN_UP, POLICE)
            self.referrals.append(Record({"referral_id": drafted["id"]}, {"sent": sent, "told": sent}, status))


def kinds(asked: Asked) -> list[Kind]:
    """Requests, referrals, and what begins them."""
    path, of_referral = "POST /regulator-requests/{request_id}", "POST /referrals/{referral_id}"
    to_shanghai = {"to": "industry-310000", **WHY}

    def given(record: Record, _: Mapping[str, Any]) -> Any:
        return record.more

    return [
        Kind(asked.requests, may_read_request, reads=("/regulator-requests/{request_id}",), lists="/regulator-requests",
             author="auditor", lifecycle=REQUEST, acts=REQUEST_ACTS.keys(), verbs=[
                 Verb(f"{path}/acceptance", "regulator-b", STATED, RequestAction.ACCEPT),
                 Verb(f"{path}/decline", "regulator-b", STATED, RequestAction.DECLINE),
                 Verb(f"{path}/forwarding", "regulator-b", to_shanghai, RequestAction.FORWARD, again="out_of_scope"),
                 Verb(f"{path}/withdrawal", "drugs-a", WHY, RequestAction.WITHDRAW),
             ]),
        Kind(asked.referrals, may_read_referral, reads=("/referrals/{referral_id}",), lists="/referrals",
             author="auditor", lifecycle=REFERRAL, acts=REFERRAL_ACTS.keys(), verbs=[
                 Verb(f"{of_referral}/signature", "drugs-b", WHY, ReferralAction.SIGN),
                 Verb(f"{of_referral}/withdrawal", "drugs-a", WHY, ReferralAction.WITHDRAW),
                 Verb(f"{of_referral}/receipt", POLICE, {}, ReferralAction.RECEIVE, hidden=UNSENT),
                 Verb(f"{of_referral}/answer", POLICE, TAKEN_UP, ReferralAction.ANSWER, hidden=UNSENT),
             ]),
        Kind([each for each in asked.referrals if each.words["sent"]], may_read_referral,
             reads=("/referrals/{referral_id}/document",)),
        Kind(asked.cases[:1], lambda *_: False, verbs=[
            Verb("POST /cases/{case_id}/regulator-requests", "drugs-a", given, may=a_person(may_ask),
                 again="request_pending"),
        ]),
        Kind(asked.cases[1:], lambda *_: False, verbs=[
            Verb("POST /cases/{case_id}/referrals", "drugs-a", given, may=a_person(may_refer),
                 again="referral_pending"),
        ]),
    ]  # fmt: skip
