"""Enforcement: cases of four desks, decisions in every state, appeals, and the evidence of two of them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

from enforcement.lifecycle import APPEAL, CASE, DECISION, Action, AppealAction, CaseAction
from enforcement.main import SERVICE
from enforcement.policy import APPEAL_ACTS, CASE_ACTS, DECISION_ACTS
from shared.contracts.access import ProviderRecordedV1
from shared.rules import Level, Role
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.context import Caller
from tests.integration.enforcement.complaining import complain
from tests.integration.enforcement.conftest import EASED, STATED, STATEMENT, Office
from tests.integration.enforcement.test_referrals import POLICE
from tests.integration.sweep.world import Kind, NoRole, Record, Verb, Words, World, beginning
from tests.integration.sweep.worlds import appeals, case_file, drafts, names, requests
from tests.integration.sweep.worlds.calendars import calendar_of_everybody, calendars
from tests.integration.sweep.worlds.complaints import kinds_of
from tests.integration.sweep.worlds.decisions import Files
from tests.integration.sweep.worlds.inbox import inbox
from tests.support.fixtures import MakeDatabase
from tests.support.people import OPERATOR_USCC, at
from tests.support.service import running_service

AUTHORITIES = {Role.SECTOR_REGULATOR, Role.INDUSTRY_REGULATOR}
PARTIES = {Role.OPERATOR, Role.ACCESS_PROVIDER}
READERS = AUTHORITIES | {Role.REVIEW_BODY, Role.AUDITOR}
WHY = {"reasons": "It was a mistake of ours."}
NOTHING: dict[StrEnum, str] = dict.fromkeys(drafts.UNSIGNED, "nothing_to_appeal")


def may_read_case(who: Caller, case: Words) -> bool:
    """Its own authority; the sector's of national level; whom it came to; auditors. Nobody else."""
    if not who.roles & READERS:
        raise NoRole
    if Role.AUDITOR in who.roles or (who.organisation == case["authority"] and who.roles & AUTHORITIES):
        return True
    if Role.SECTOR_REGULATOR in who.roles and case["item"] in who.categories:
        return bool(who.level == Level.NATIONAL)
    return bool(who.roles & {Role.INDUSTRY_REGULATOR, Role.REVIEW_BODY} and who.organisation in case["came_to"])


def may_read_decision(who: Caller, decision: Words) -> bool:
    """Who reads its case; and whom it is about, from its release on."""
    if who.roles & PARTIES:
        return bool(decision["released"] and who.organisation == decision["to"])
    return may_read_case(who, decision)


def may_read_appeal(who: Caller, appeal: Words) -> bool:
    """Whom the act is about, whose act it is, who decides, and auditors."""
    if not who.roles & (READERS | PARTIES):
        raise NoRole
    reviews = Role.REVIEW_BODY in who.roles and who.organisation == appeal["body"]
    party = who.roles & PARTIES and who.organisation == appeal["to"]
    return bool(party) or who.organisation == appeal["authority"] or reviews or Role.AUDITOR in who.roles


def may_open(who: Caller, case: Words) -> bool:
    """The authority of the item, at the level and in the province of the site; the industry regulator there."""
    here = who.level == Level.PROVINCE and who.region == case["region"]
    competent = Role.SECTOR_REGULATOR in who.roles and case["item"] in who.categories
    return here and (competent or Role.INDUSTRY_REGULATOR in who.roles)


def may_read_cited(who: Caller, decision: Words) -> bool:
    """Who reads its case; and whom it burdens, from the notice of the draft on."""
    if who.roles & PARTIES:
        return bool(who.organisation == decision["to"])
    return may_read_case(who, decision)


def may_read_evidence(who: Caller, piece: Words) -> bool:
    """Who reads the case; and whom a decision burdens that cites it, unless it is withheld."""
    if who.roles & PARTIES:
        return bool(piece.get("cited") == "shown" and who.organisation == piece["to"])
    return may_read_case(who, piece)


def _evidence(who: Caller, piece: Words) -> int:
    """Whether there is such evidence is for those alone who may read it, or hear why it is withheld."""
    party = who.roles & PARTIES and who.organisation == piece.get("to")
    return 404 if who.roles & (READERS | PARTIES) and not (party and piece.get("cited") == "withheld") else 403


def _draft(_: Record, shown: Mapping[str, Any]) -> dict[str, Any]:
    hashes = [each["sha256"] for each in shown["evidence"][:1]]
    return {"effect": "revoke", "statement": STATEMENT, "evidence_hashes": hashes}


def _signed(_: Record, shown: Mapping[str, Any]) -> dict[str, Any]:
    preview = shown["preview"] or {"neighbours": ()}
    named = [each["site_id"] for each in preview["neighbours"]]
    since = shown["since_draft"] or {"digest": None}
    signature = {"preview_digest": shown["preview_digest"] or "0" * 64, "collateral": named}
    return {"signature": signature, "since_draft": since["digest"]}


def _ignored(record: Record, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"obeyed": False, **STATED, **record.more}


def _challenge(record: Record, _: Mapping[str, Any]) -> dict[str, Any]:
    act = {"service": "enforcement", "kind": "decision", "id": record.id}
    return {"act": act, "grounds": "The consent of the authority covers these medicines."}


def _cases(files: Files) -> Kind:
    path = "POST /cases/{case_id}"
    return Kind(
        files.cases, may_read_case, reads=("/cases/{case_id}", "/cases/{case_id}/related"), lists="/cases",
        author="drugs-b", lifecycle=CASE,
        acts=CASE_ACTS.keys(), verbs=[
            Verb(f"{path}/evidence", "drugs-a", b"Another page.", CaseAction.ADD_EVIDENCE,
                 headers=lambda _: {"Content-Type": "text/plain"}),
            Verb(f"{path}/decisions", "drugs-a", _draft, CaseAction.DRAFT, again="decision_pending"),
            Verb(f"{path}/discontinuation", "drugs-a", STATED, CaseAction.DISCONTINUE),
            *case_file.verbs_of_cases(files),
        ],
    )  # fmt: skip


def _decisions(files: Files) -> Kind:
    path = "POST /decisions/{decision_id}"
    return Kind(
        files.decisions, may_read_decision, reads=("/decisions/{decision_id}",), author="drugs-b", lifecycle=DECISION,
        acts=DECISION_ACTS.keys(), verbs=[
            Verb(f"{path}/release", "drugs-b", _signed, Action.RELEASE),
            *drafts.remarks(),
            Verb(f"{path}/withdrawal", "drugs-b", WHY, Action.WITHDRAW),
            Verb(f"{path}/lift", "drugs-a", STATED, Action.LIFT),
            Verb(f"{path}/correction", "drugs-b", {"obeyed": True, **STATED}, Action.CONFIRM_CORRECTED),
            Verb(f"{path}/correction", "drugs-b", _ignored, Action.CONFIRM_IGNORED),
            Verb("POST /appeals", "applicant", _challenge, Action.APPEAL, code=NOTHING, again="appeal_pending",
                 closed={"consent_needed", "nothing_to_appeal"}),  # a body enters it; who was told of a draft knows it
        ],
    )  # fmt: skip


def _appeals(files: Files, redress: appeals.Redress) -> Kind:
    path = "POST /appeals/{appeal_id}"
    return Kind(
        [*files.appeals, *redress.appeals], may_read_appeal, reads=("/appeals/{appeal_id}",), lists="/appeals",
        author="auditor",
        lifecycle=APPEAL, acts=APPEAL_ACTS.keys(), verbs=[
            Verb(f"{path}/decision", "review-a", {"outcome": "upheld", **EASED}, AppealAction.UPHOLD),
            Verb(f"{path}/decision", "review-a", {"outcome": "rejected", **EASED}, AppealAction.REJECT),
            Verb(f"{path}/stay", "review-a", {"granted": True, **EASED}, AppealAction.DECIDE_STAY,
                 again="nothing_to_stay"),
            *appeals.verbs(files.office, path),
        ],
    )  # fmt: skip


@asynccontextmanager
async def opened(make_database: MakeDatabase, folder: Path) -> AsyncIterator[World]:
    """The world of enforcement."""
    clock = FixedClock(at("2026-11-26T04:00"))
    settings: dict[str, Any] = {
        "signing_keys_file": folder / "keys.json", "signing_keys_generate": True, "evidence_store": folder / "evidence",
    }  # fmt: skip
    async with running_service(SERVICE, await make_database("enforcement"), clock=clock, **settings) as api:
        office = Office(api, clock)
        await office.hear(ProviderRecordedV1.model_validate(ProviderRecordedV1.EXAMPLE))
        asked = await requests.Asked.of(office)
        redress = await appeals.Redress.of(office)  # before the others, whose time to appeal must not be over
        files = await Files.of(office)
        about = {"kind": "site", "domain": files.domain}
        case = {
            "about": about, "service_item": "drugs_and_devices", "ground": "unlicensed_service",
            "alleged_breach": "Sells without consent.", "legal_basis": ["P3.2.1"],
        }  # fmt: skip
        receipt = await complain(office, files.domain)
        yield World(api, [
            _cases(files), _decisions(files), _appeals(files, redress), await inbox(api, "drugs-a", "drugs-110000"),
            calendars(), *await names.kinds(office),
            Kind(files.evidence, may_read_evidence, reads=("/evidence/{sha256}",), denied=_evidence),
            *appeals.kinds(redress, may_read_appeal), *requests.kinds(asked),
            Kind(files.decisions, may_read_cited, reads=("/decisions/{decision_id}/evidence",)),
            *await kinds_of(office, OPERATOR_USCC),
            beginning({"region": "110000", "item": "drugs_and_devices"},
                      Verb("POST /cases", "drugs-a", case, may=may_open)),
            *await case_file.kinds(files),
            *drafts.kinds(files, may_read_case, may_read_decision),
        ], others=(POLICE,), opens={
            "secret": receipt["secret"], "document_id": asked.document_id,
            "calendar_token": await calendar_of_everybody(api),
        })  # fmt: skip
