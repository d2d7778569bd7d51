"""Complaints: matters in every state, what came with them, warnings, and what providers suspended themselves."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from enforcement.lifecycle import (
    EMERGENCY,
    MATTER,
    WARNING,
    EmergencyAction,
    EmergencyStatus,
    MatterAction,
    MatterStatus,
    WarningAction,
    WarningStatus,
)
from enforcement.policy import EMERGENCY_ACTS, MATTER_ACTS, WARNING_ACTS
from shared.contracts.access import ProviderRecordedV1
from shared.rules import Level, Role
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from tests.integration.enforcement.complaining import (
    CASE,
    GROUND,
    MINOR,
    SAID,
    case_about,
    complain,
    confirm,
    matters,
    reported,
    suspended,
)
from tests.integration.enforcement.conftest import EASED, STATED, Office, site_recorded
from tests.integration.sweep.world import Kind, NoRole, Record, Verb, Words, beginning

AUTHORITIES: Final = {Role.SECTOR_REGULATOR, Role.INDUSTRY_REGULATOR}
PARTIES: Final = {Role.OPERATOR, Role.ACCESS_PROVIDER}
HOSTER: Final = ProviderRecordedV1.EXAMPLE["provider_id"]
HERE: Final = {"region": "110000", "item": "drugs_and_devices", "placed": True}
SOCIETY: Final = ("society-a", {"organisation": "society", "roles": ["industry_body"]})


def at_desk(who: Caller, words: Words) -> bool:
    """The authority of the item and the industry regulator, of the level and province of the site."""
    here = who.level == Level.PROVINCE and who.region == words["region"]
    competent = Role.SECTOR_REGULATOR in who.roles and words["item"] in who.categories
    return here and (competent or Role.INDUSTRY_REGULATOR in who.roles)


def may_read_matter(who: Caller, matter: Words) -> bool:
    """Its desk, and no other: nobody oversees or audits what people said."""
    if not who.roles & AUTHORITIES:
        raise NoRole
    return at_desk(who, matter) if matter["placed"] else Role.INDUSTRY_REGULATOR in who.roles


def may_read_warning(who: Caller, warning: Words) -> bool:
    """Whom it went to, and whoever wrote it."""
    if not who.roles & (AUTHORITIES | PARTIES):
        raise NoRole
    party = who.roles & PARTIES and who.organisation == warning["to"]
    return bool(party) or bool(who.roles & AUTHORITIES and who.organisation == "drugs-110000")


def may_read_emergency(who: Caller, emergency: Words) -> bool:
    """Whom it hits, the desk, and auditors."""
    if not who.roles & (AUTHORITIES | PARTIES | {Role.AUDITOR}):
        raise NoRole
    party = who.roles & PARTIES and who.organisation == emergency["to"]
    here = who.level == Level.PROVINCE and who.region == emergency["region"]
    return bool(party) or Role.AUDITOR in who.roles or bool(who.roles & AUTHORITIES and here)


def may_report(who: Caller, _: Words) -> bool:
    """Providers and industry bodies."""
    if not who.roles & {Role.ACCESS_PROVIDER, Role.INDUSTRY_BODY}:
        raise NoRole
    return True


async def _matters(office: Office) -> list[Record]:
    """A matter in every state, and one of Shanghai."""
    found = []
    for status in MatterStatus:
        site = site_recorded(f"{status.replace('_', '-')}.example")
        await office.hear(site)
        await complain(office, site.domains[0])
        matter_id = (await matters(office, "drugs-a", newest=True))[0]["id"]
        path = f"/matters/{matter_id}"
        if status is not MatterStatus.OPEN:
            await office.post(f"{path}/triage", MINOR, "drugs-a")
        if status is MatterStatus.IN_CASE:
            await office.post(f"{path}/case", case_about(site), "drugs-a", 201)
        if status is MatterStatus.ENDED:
            await office.post(f"{path}/dismissal", EASED, "drugs-a")
        found.append(Record({"matter_id": matter_id}, HERE, status, {"case": case_about(site)}))
    example = site_recorded("shanghai.example")
    await office.hear(
        site_recorded("shanghai.example", registration={**example.registration.model_dump(), "region": "310000"})
    )
    await complain(office, "shanghai.example")
    there = (await matters(office, "shanghai-regulator-a", region="310000"))[0]
    return [*found, Record({"matter_id": there["id"]}, {**HERE, "region": "310000"})]


async def _unplaced(office: Office) -> list[Record]:
    """The same about names in no register."""
    found = []
    for status in MatterStatus:
        host = f"{status.replace('_', '-')}.nowhere-{status.replace('_', '-')}.example"
        await complain(office, host)
        matter_id = (await matters(office, "regulator-a", newest=True))[0]["id"]
        path, about = f"/matters/{matter_id}", {"kind": "found_site", "host": host, "provider_id": HOSTER}
        if status is not MatterStatus.OPEN:
            await office.post(f"{path}/triage", MINOR, "regulator-a")
        if status is MatterStatus.IN_CASE:
            await office.post(f"{path}/case", {**CASE, "about": about}, "regulator-a", 201)
        if status is MatterStatus.ENDED:
            await office.post(f"{path}/dismissal", EASED, "regulator-a")
        found.append(Record({"matter_id": matter_id}, {**HERE, "region": None, "placed": False}, status))
    return found


async def _files(office: Office) -> list[Record]:
    site = site_recorded("files.example")
    await office.hear(site)
    receipt = await complain(office, site.domains[0])
    await office.api.post(
        f"/complaints/status/{receipt['secret']}/files", content=b"A page.", headers={"Content-Type": "text/plain"}
    )
    matter = (await matters(office, "drugs-a", newest=True))[0]
    (said,) = (await office.get(f"/matters/{matter['id']}/complaints", "drugs-a"))["items"]
    return [Record({"complaint_id": said["id"], "sha256": said["files"][0]["sha256"]}, HERE)]


async def _warnings(office: Office, to: str) -> list[Record]:
    found = []
    for status in WarningStatus:
        site = site_recorded(f"{status}-warned.example")
        await office.hear(site)
        await complain(office, site.domains[0])
        path = f"/matters/{(await matters(office, 'drugs-a', newest=True))[0]['id']}"
        await office.post(f"{path}/triage", MINOR, "drugs-a")
        sent = await office.post(f"{path}/warning", STATED, "drugs-a", 201)
        if status is WarningStatus.ANSWERED:
            await office.post(f"/warnings/{sent['id']}/answer", {"text": SAID}, "applicant")
        found.append(Record({"warning_id": sent["id"]}, {"to": to}, status))
    return found


async def _emergencies(office: Office, to: str) -> list[Record]:
    found = []
    for status in EmergencyStatus:
        site = site_recorded(f"{status}-dark.example")
        await office.hear(site)
        changes: dict[str, Any] = {"provider_id": uuid7()} if status is EmergencyStatus.REFUSED else {}
        fact = reported(office, site, **changes)
        await office.hear(fact)
        decision = await suspended(office, site)
        if status is EmergencyStatus.CONFIRMED:
            await confirm(office, fact.emergency_id, decision)
        elif status is EmergencyStatus.LAPSED:
            await office.rings("confirm_emergency", str(fact.emergency_id))
        words = {**HERE, "to": to}
        found.append(Record({"emergency_id": str(fact.emergency_id)}, words, status, {"decision": decision["id"]}))
    return found


def _case(record: Record, _: Mapping[str, Any]) -> Any:
    return record.more["case"]


def _decision(record: Record, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"decision_id": record.more["decision"]}


async def kinds_of(office: Office, to: str) -> list[Kind]:
    """What the world of enforcement has of them; ``to``: whom they are about."""
    path = "POST /matters/{matter_id}/"
    elsewhere = {"to": "industry-440000", **STATED}
    late = (office.clock.now() + timedelta(days=400)).isoformat()
    report = {"host": "reported.example", "ground": GROUND, "text": SAID}
    return [
        Kind(
            await _matters(office), may_read_matter, reads=("/matters/{matter_id}", "/matters/{matter_id}/complaints"),
            lists="/matters", author="drugs-a", lifecycle=MATTER, acts=MATTER_ACTS.keys() - {MatterAction.TRANSFER},
            verbs=[
                Verb(f"{path}triage", "drugs-a", MINOR, MatterAction.TRIAGE),
                Verb(f"{path}case", "drugs-a", _case, MatterAction.OPEN_CASE),
                Verb(f"{path}dismissal", "drugs-a", EASED, MatterAction.DISMISS),
                Verb(f"{path}warning", "drugs-a", {**STATED, "answer_by": late}, MatterAction.WARN),
            ],
        ),
        Kind(
            await _unplaced(office), may_read_matter, reads=("/matters/{matter_id}", "/matters/{matter_id}/complaints"),
            lists="/matters", author="regulator-a", lifecycle=MATTER, acts={MatterAction.TRANSFER},
            verbs=[Verb(f"{path}transfer", "regulator-a", elsewhere, MatterAction.TRANSFER, again="out_of_scope")],
        ),
        Kind(await _files(office), may_read_matter, reads=("/complaints/{complaint_id}/files/{sha256}",)),
        Kind(
            await _warnings(office, to), may_read_warning, reads=("/warnings/{warning_id}",), lists="/warnings",
            author="drugs-a", lifecycle=WARNING, acts=WARNING_ACTS.keys(),
            verbs=[Verb("POST /warnings/{warning_id}/answer", "applicant", {"text": SAID}, WarningAction.ANSWER)],
        ),
        Kind(
            await _emergencies(office, to), may_read_emergency, reads=("/emergencies/{emergency_id}",),
            lists="/emergencies", author="drugs-a", lifecycle=EMERGENCY, acts=EMERGENCY_ACTS.keys(), verbs=[
                Verb("POST /emergencies/{emergency_id}/confirmation", "drugs-a", _decision, EmergencyAction.CONFIRM,
                     code={EmergencyStatus.CONFIRMED: "emergency_confirmed_already",
                           EmergencyStatus.LAPSED: "emergency_over", EmergencyStatus.REFUSED: "emergency_over"},
                     # To an authority of the same desk the decision of another one is none.
                     waits={"emergency_misfit"}, again="emergency_confirmed_already"),
            ],
        ),
        beginning({}, Verb("POST /complaints/reports", SOCIETY, report, may=may_report)),
    ]  # fmt: skip
