"""Short words for what tests do with complaints and with what providers suspended by themselves."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from enforcement.service import settling
from shared.contracts.emergencies import EmergencyReportedV1
from shared.contracts.registry import SiteRecordedV1
from tests.integration.enforcement.conftest import Office

SAID = "They sold me antibiotics without asking for a prescription."
GROUND = "unlawful_medicines"
GRADED = {"grade": "suspected", "reasons": "Three people describe the same order form."}
MINOR = {"grade": "minor", "reasons": "The label is missing, and nobody was hurt."}
CASE = {
    "service_item": "drugs_and_devices", "ground": "unlawful_medicines",
    "alleged_breach": "Sells prescription medicines without consent.", "legal_basis": ["P3.2.1"],
}  # fmt: skip


async def complain(office: Office, host: str, **changes: Any) -> dict[str, Any]:
    """Somebody says something about a name; the receipt."""
    status = changes.pop("status", 201)
    body = {"host": host, "ground": GROUND, "text": SAID} | changes
    answer = await office.api.post("/complaints", json=body)
    assert answer.status_code == status, answer.text
    return dict(answer.json())


async def stands(office: Office, receipt: dict[str, Any]) -> dict[str, Any]:
    """How a complaint stands, as whoever complained reads it."""
    answer = await office.api.get(f"/complaints/status/{receipt['secret']}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def matters(office: Office, who: Any = "drugs-a", **filters: Any) -> list[dict[str, Any]]:
    """What lies on somebody's desk, oldest first."""
    answer = await office.api.get("/matters", params=filters, who=who)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def graded(office: Office, site: SiteRecordedV1, grade: dict[str, str] = GRADED, who: Any = "drugs-a") -> Any:
    """A matter about a site that somebody complained of, graded; with the receipt under ``receipt``."""
    await office.hear(site)
    receipt = await complain(office, site.domains[0], email="reader@mail.example")
    (matter,) = [each for each in await matters(office, who) if each["site_id"] == str(site.site_id)]
    return await office.post(f"/matters/{matter['id']}/triage", grade, who) | {"receipt": receipt}


def case_about(site: SiteRecordedV1) -> dict[str, Any]:
    """A case about a site."""
    return {**CASE, "about": {"kind": "site", "domain": site.domains[0]}}


async def answers(office: Office) -> list[tuple[str, str]]:
    """Whoever is to be told is; addresses and kinds of what was queued for complainants."""
    while await settling.answer(office.api.rt):
        pass
    async with office.api.rt.db.connection() as tx:
        rows = await tx.fetch(
            "SELECT address, kind FROM delivery JOIN notice ON notice.id = notice_id WHERE about_kind = 'complaint'"
            " ORDER BY address"
        )
    return [tuple(row) for row in rows]


def reported(office: Office, site: SiteRecordedV1 | None, **changes: Any) -> EmergencyReportedV1:
    """What access-control says that a provider suspended by itself, one hour ago."""
    since = office.clock.now() - timedelta(hours=1)
    about = {} if site is None else {"host": site.domains[0], "provider_id": site.accesses[0].provider_id}
    return EmergencyReportedV1.model_validate({
        **EmergencyReportedV1.EXAMPLE, "emergency_id": uuid4(), "host": "found.example", "since": since,
        "reported_at": office.clock.now(), "confirm_by": since + timedelta(hours=72), **about, **changes,
    })  # fmt: skip


async def suspended(office: Office, site: SiteRecordedV1, **changes: Any) -> dict[str, Any]:
    """A released decision to suspend a site, on an urgent ground."""
    until = (office.clock.now() + timedelta(days=10)).isoformat()
    opened = await office.case(site, ground=GROUND)
    given = {"until": until, "urgent_ground": "danger_to_life", **changes}
    return await office.release(await office.draft(opened, "suspend_access", **given))


async def confirm(office: Office, emergency: Any, decision: Any, who: Any = "drugs-a", status: int = 200) -> Any:
    """Somebody confirms what a provider did by itself."""
    body = {"decision_id": decision["id"] if isinstance(decision, dict) else str(decision)}
    answer = await office.api.post(f"/emergencies/{emergency}/confirmation", json=body, who=who)
    assert answer.status_code == status, answer.text
    return answer.json() if status == 200 else answer.json()["code"]
