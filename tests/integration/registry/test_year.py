"""A year of one operator, from its consent to its new home, with the clock of the test: what held when stays readable.

A site under a filing goes through everything; a licence beside it is renewed, since only filings move (StaysAtHome).
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from registry.service import hosting, licences, opinions, reviews
from tests.integration.registry.conftest import (
    GRANT,
    OTHER_PROVIDER,
    PROVIDER,
    Register,
    a_site,
    access,
    owner,
    provider_recorded,
    uscc,
)
from tests.integration.registry.test_moves_home import SHANGHAI
from tests.integration.registry.test_reviews import DRUGS, given, subject_of, suspended
from tests.integration.registry.test_shells import STATED, WHY, finding_of, lapsed

CODE = uscc(970_000_001)
SHOP, WHOLESALE = "shop-of-the-year.example", "wholesale-of-the-year.example"
BEIJING, LICENCE, SHANGHAIS = "京ICP备00000001号-1", "京ICP证000001号-1", "沪ICP备00000001号-1"


def _z(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


class Year:
    """The story, and the moments at which one looks back."""

    def __init__(self, register: Register) -> None:
        self.register = register
        self.moments: dict[str, datetime] = {}

    def mark(self, what: str) -> None:
        """Something holds now; a moment later it is past."""
        self.register.clock.advance(timedelta(seconds=1))
        self.moments[what] = self.register.clock.now()
        self.register.clock.advance(timedelta(seconds=1))

    async def travel(self, day: str) -> None:
        at = datetime.combine(date.fromisoformat(day), time(4), UTC)
        assert at > self.register.clock.now(), "time goes one way"
        self.register.clock.advance(at - self.register.clock.now())

    async def record(self, site: dict[str, Any], when: datetime) -> dict[str, Any]:
        return await self.register.get(f"/sites/{site['id']}/record?at={_z(when)}", "national-a")

    async def valid_until(self, site: dict[str, Any], what: str) -> str:
        record = await self.record(site, self.moments[what])
        return str(record["record"]["registration"]["valid_until"])

    async def shop(self, site: dict[str, Any]) -> dict[str, Any]:
        return await self.register.get(f"/sites/{site['id']}", "auditor")


async def entered(year: Year) -> tuple[dict[str, Any], dict[str, Any]]:
    """The consent is known; what was asked for is granted some days later: a filing, and a licence for a year."""
    register = year.register
    await register.approve(CODE, DRUGS, SHOP, region=None, level="national")
    asked = await register.submitted(a_site(SHOP, service_items=[DRUGS]), CODE)
    other = await register.submitted(
        a_site(WHOLESALE, accesses=[access(provider=OTHER_PROVIDER)]), CODE, kind="licence"
    )
    year.mark("asked")
    await year.travel("2026-12-01")
    filing = await register.post(f"/registrations/{asked['id']}/grant", GRANT, "regulator-a")
    valid = {"valid_from": "2026-12-01", "valid_until": "2027-12-01"}
    licence = await register.post(f"/registrations/{other['id']}/grant", GRANT | valid, "regulator-a")
    year.mark("granted")
    return dict(filing["sites"][0]), licence


async def amended(year: Year, site: dict[str, Any]) -> None:
    await year.travel("2027-01-11")
    proposed = await year.register.propose(
        site, a_site(SHOP, name="Better Pharmacy", service_items=[DRUGS]), owner(CODE)
    )
    year.mark("proposed")
    await year.register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    year.mark("amended")


async def reviewed(year: Year, site: dict[str, Any]) -> None:
    """Suspended for a time; the review of the year cites that; its appeal is won after the review had closed."""
    register = year.register
    await year.travel("2027-01-20")
    decision = await suspended(register, site)
    year.mark("suspended")
    await register.ring("execution_end", (await register.execution(decision))["id"])
    year.mark("over")
    review = await register.post("/reviews", {"year": 2027}, "regulator-a", 201)
    assert review["status"] == "open", "its opening day had come"
    await given(register, await subject_of(register, site), decision)
    year.mark("an opinion")
    await register.ring(reviews.CLOSES, review["id"])
    subject = await subject_of(register, site)
    await register.ring(opinions.RESULT, subject["id"])
    assert (await subject_of(register, site))["status"] == "vetoed"
    year.mark("vetoed")
    await register.overturned(decision)
    assert (await subject_of(register, site))["status"] == "cleared"
    year.mark("cleared")


async def hostless(year: Year, site: dict[str, Any], licence: dict[str, Any]) -> None:
    """Its provider closes; nobody finds another; in time a person lets it lapse, and its operator takes that back.

    The licence is renewed meanwhile.
    """
    register = year.register
    await year.travel("2027-08-02")
    gone = provider_recorded().model_copy(update={"status": "closed", "version": 100})
    await register.hear(gone)
    year.mark("provider closed")
    await register.ring(hosting.GONE, PROVIDER)
    finding = await finding_of(register, site)
    year.mark("found")
    await renewed(year, licence)
    await register.ring(hosting.CURE, finding["id"])
    finding = await finding_of(register, site)
    year.mark("due")
    await lapsed(register, finding)
    year.mark("lapsed")
    await register.post(f"/shell-findings/{finding['id']}/undoing", WHY, owner(CODE))
    year.mark("restored")
    to = a_site(SHOP, name="Better Pharmacy", service_items=[DRUGS], accesses=[access(provider=OTHER_PROVIDER)])
    proposed = await register.propose(site, to, owner(CODE))
    await register.post(f"/amendments/{proposed['id']}/grant", STATED, "regulator-a")
    year.mark("hosted")


async def renewed(year: Year, licence: dict[str, Any]) -> None:
    """Warned thirty days before, asked for in time, granted."""
    register = year.register
    await register.ring(licences.VALIDITY, licence["id"])
    asked = await register.post(
        f"/registrations/{licence['id']}/renewals", {"valid_until": "2031-11-20", "reasons": "The shop goes on."},
        owner(CODE), 201,
    )  # fmt: skip
    year.mark("renewal asked")
    await register.post(f"/renewals/{asked['id']}/grant", GRANT, "regulator-a")
    year.mark("renewed")


async def moved(year: Year, site: dict[str, Any]) -> None:
    register = year.register
    filing = await register.get(f"/registrations/{(await year.shop(site))['registration_id']}", owner(CODE))
    version = await register.fetchval("SELECT version FROM registration WHERE id = $1::text::uuid", filing["id"])
    body = {"region": "310000", "reasons": "The company moved its domicile to Shanghai."}
    moving = await register.post(
        f"/registrations/{filing['id']}/move", body, owner(CODE), 201, headers={"If-Match": f'"{version}"'}
    )
    year.mark("moving")
    await register.post(f"/amendments/{moving['id']}/grant", GRANT, SHANGHAI)
    year.mark("moved")


SAYS = {
    # moment: status, number, name, providers that host it
    "granted": ("live", BEIJING, "Pharmacy", 1),
    "proposed": ("live", BEIJING, "Pharmacy", 1),
    "amended": ("live", BEIJING, "Better Pharmacy", 1),
    "suspended": ("stopped", BEIJING, "Better Pharmacy", 1),
    "over": ("live", BEIJING, "Better Pharmacy", 1),
    "an opinion": ("live", BEIJING, "Better Pharmacy", 1),
    "vetoed": ("live", BEIJING, "Better Pharmacy", 1),
    "cleared": ("live", BEIJING, "Better Pharmacy", 1),
    "provider closed": ("live", BEIJING, "Better Pharmacy", 1),
    "found": ("live", BEIJING, "Better Pharmacy", 1),
    "due": ("live", BEIJING, "Better Pharmacy", 1),
    "lapsed": ("lapsed", BEIJING, "Better Pharmacy", 1),
    "restored": ("live", BEIJING, "Better Pharmacy", 1),
    "hosted": ("live", BEIJING, "Better Pharmacy", 1),
    "moving": ("live", BEIJING, "Better Pharmacy", 1),
    "moved": ("live", SHANGHAIS, "Better Pharmacy", 1),
}
VALID = {"granted": "2027-12-01", "renewal asked": "2027-12-01", "renewed": "2031-11-20", "moved": "2031-11-20"}


async def test_a_year_of_a_site_and_every_moment_of_it_can_be_read_afterwards(register: Register) -> None:
    year = Year(register)
    site, licence = await entered(year)
    await amended(year, site)
    await reviewed(year, site)
    await hostless(year, site, licence)
    await moved(year, site)
    before = await register.api.get(f"/sites/{site['id']}/record?at={_z(year.moments['asked'])}", who="national-a")
    assert before.status_code == 404, "what is only asked for is in no register"
    seen = {}
    for what in SAYS:
        record = (await year.record(site, year.moments[what]))["record"]
        seen[what] = (record["status"], record["number"], record["name"], len(record["accesses"]))
    assert seen == SAYS
    shown = (await year.record(site, year.moments["suspended"]))["record"]
    assert [each["effect"] for each in shown["burdens"]] == ["suspend_access"]
    hosts = {what: (await year.record(site, year.moments[what]))["record"]["accesses"][0]["provider_id"]
             for what in ("granted", "restored", "hosted")}  # fmt: skip
    assert hosts == {"granted": str(PROVIDER), "restored": str(PROVIDER), "hosted": str(OTHER_PROVIDER)}
    of_licence = licence["sites"][0]
    assert {what: await year.valid_until(of_licence, what) for what in VALID} == VALID
    regions = {what: (await year.record(site, year.moments[what]))["record"]["registration"]["region"]
               for what in ("moving", "moved")}  # fmt: skip
    assert regions == {"moving": "110000", "moved": "310000"}
    assert max(year.moments.values()) - min(year.moments.values()) > timedelta(days=365)
