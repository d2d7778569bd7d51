"""A refusal that fell on appeal is decided anew: with its names, addresses and a fresh clock (safeguard 6)."""

from typing import Any
from uuid import UUID

import pytest

from registry.service import effective, licences
from shared.contracts.grounds import ActRef, Service
from tests.integration.registry.conftest import GRANT, Register, a_site, access, domain, owner, uscc
from tests.integration.registry.test_effective import _granted as granted_ahead
from tests.integration.registry.test_licences import licensed
from tests.support.people import OPERATOR_USCC

REFUSAL: dict[str, Any] = {"statement": {"legal_basis": ["P3.1"], "reasons": "The papers are incomplete."}}


def _act(kind: str, record_id: str, service: Service = Service.REGISTRY) -> ActRef:
    return ActRef(service=service, kind=kind, id=UUID(record_id))


@pytest.mark.parametrize("outcome", ["upheld", "overdue"])
async def test_a_refusal_that_fell_is_decided_anew_as_it_was_asked(register: Register, outcome: str) -> None:
    names = [domain(), domain()]
    site = a_site(names[0], domains=names, accesses=[access("198.18.8.1", "dedicated"), access("198.18.8.2")])
    submitted = await register.submitted(site)
    await register.post(f"/registrations/{submitted['id']}/refusal", REFUSAL, "regulator-a")
    await register.appealed(_act("refusal", submitted["id"], Service.APPROVAL), outcome)
    await register.appealed(_act("refusal", submitted["id"]), "rejected")
    assert (await register.get(f"/registrations/{submitted['id']}", owner()))["status"] == "refused"
    await register.appealed(_act("refusal", submitted["id"]), outcome)
    await register.appealed(_act("refusal", submitted["id"]), outcome)
    shown = await register.get(f"/registrations/{submitted['id']}", owner())
    assert (shown["status"], shown["refusal"], shown["sites"][0]["domains"]) == ("submitted", None, names)
    assert shown["clock"]["overdue"] is False
    granted = await register.post(f"/registrations/{submitted['id']}/grant", GRANT, "regulator-a")
    assert granted["sites"][0]["domains"] == names
    assert [each["ips"] for each in granted["sites"][0]["accesses"]] == [["198.18.8.1"], ["198.18.8.2"]]
    assert await register.history(submitted["id"]) == ["submit", "refuse", "reopen", "grant"]


async def test_a_gap_in_the_directory_holds_up_no_appeal_that_was_won(register: Register) -> None:
    site = (await register.active(a_site(domain())))["sites"][0]
    submitted = await register.submitted(a_site(domain()), uscc(2))
    changed = await register.propose(site, a_site(domain()), owner())
    await register.post(f"/registrations/{submitted['id']}/refusal", REFUSAL, "regulator-a")
    await register.post(f"/amendments/{changed['id']}/refusal", REFUSAL, "regulator-a")
    known = list(register.api.rt.directory)
    register.api.rt.directory.load([each for each in known if each.organisation_id != "industry-110000"])
    for kind, refused in (("refusal", submitted), ("amendment", changed)):
        await register.appealed(_act(kind, refused["id"]), "upheld")
        assert [told for told, _ in await register.notices(refused["id"])][-1] == "reopened"


async def test_a_gap_in_the_directory_holds_up_no_clock_that_tells_its_operator_something(register: Register) -> None:
    site = (await register.active(a_site(domain()), OPERATOR_USCC))["sites"][0]
    waits = await granted_ahead(register, site, a_site(domain()))
    licence = await licensed(register)
    known = list(register.api.rt.directory)
    register.api.rt.directory.load([each for each in known if each.organisation_id != "industry-110000"])
    await register.ring(effective.EFFECT, waits["id"])
    assert (await register.notices(waits["id"]))[-1][0] == "amendment_effective"
    await register.ring(licences.VALIDITY, licence["id"])
    assert (await register.notices(licence["id"]))[-1][0] == "lapsing"


async def test_what_somebody_else_got_meanwhile_stays_theirs(register: Register) -> None:
    site = a_site(domain(), accesses=[access("198.18.8.3", "dedicated")])
    submitted = await register.submitted(site)
    await register.post(f"/registrations/{submitted['id']}/refusal", REFUSAL, "regulator-a")
    await register.active(site, uscc(1))
    await register.appealed(_act("refusal", submitted["id"]), "upheld")
    refused = await register.refused(f"/registrations/{submitted['id']}/grant", GRANT, "regulator-a")
    assert {each["code"] for each in refused["grounds"]} == {"domain_taken", "address_taken"}
    again = await register.post(f"/registrations/{submitted['id']}/refusal", REFUSAL, "regulator-a")
    assert set(again["refusal"]["codes"]) == {"domain_taken", "address_taken"}


async def test_whoever_filed_again_since_has_that_one_decided(register: Register) -> None:
    submitted = await register.submitted(a_site(domain()))
    await register.post(f"/registrations/{submitted['id']}/refusal", REFUSAL, "regulator-a")
    await register.active(a_site(domain()))
    await register.appealed(_act("refusal", submitted["id"]), "upheld")
    assert (await register.get(f"/registrations/{submitted['id']}", owner()))["status"] == "refused"


async def test_refused_changes_of_every_kind_are_open_again_and_can_be_granted(register: Register) -> None:
    first = await register.active(a_site(domain()), OPERATOR_USCC)
    site, new = first["sites"][0], domain()
    changed = await register.propose(site, a_site(new), owner())
    added = await register.post(f"/registrations/{first['id']}/sites", a_site(domain()), owner(), 201)
    body = {"particulars": {"name": "Better Pharmacy Ltd"}, "reasons": "The company was renamed."}
    renamed = await register.post(
        f"/operators/{site['operator_id']}/amendments", body, owner(), 201, headers={"If-Match": '"1"'}
    )
    for each in (changed, added, renamed):
        await register.post(f"/amendments/{each['id']}/refusal", REFUSAL, "regulator-a")
    for each in (changed, added, renamed):
        await register.appealed(_act("amendment", each["id"]), "upheld")
        await register.appealed(_act("amendment", each["id"]), "overdue")
        granted = await register.post(f"/amendments/{each['id']}/grant", GRANT, "regulator-a")
        assert granted["status"] == "granted", each["kind"]
    shown = await register.get(f"/registrations/{first['id']}", owner())
    assert (shown["operator_name"], [each["status"] for each in shown["sites"]]) == (
        "Better Pharmacy Ltd",
        ["live"] * 2,
    )
    assert shown["sites"][0]["domains"] == [new]


async def test_a_refused_change_stays_so_while_another_one_is_open(register: Register) -> None:
    site = await register.live(OPERATOR_USCC)
    refused = await register.propose(site, a_site(domain()), owner())
    await register.post(f"/amendments/{refused['id']}/refusal", REFUSAL, "regulator-a")
    await register.propose(site, a_site(domain()), owner())
    await register.appealed(_act("amendment", refused["id"]), "upheld")
    assert (await register.get(f"/amendments/{refused['id']}", owner()))["status"] == "refused"
