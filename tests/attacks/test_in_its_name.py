"""Ways to take something from an operator by asking for it in its name, and to decide on what one asked for oneself."""

from typing import Any
from uuid import UUID

import pytest

from registry.lifecycle import AmendmentStatus
from shared.runtime.base.clock import FixedClock
from tests.integration.registry.conftest import (  # noqa: F401 - fixtures
    GRANT,
    OTHER_PROVIDER,
    Register,
    a_site,
    access,
    clock,
    domain,
    owner,
    register,
    uscc,
)
from tests.integration.registry.test_amendments import REFUSAL
from tests.support.people import PEOPLE

MINE, BUYER = uscc(871), uscc(872)
WHY: dict[str, Any] = {"reasons": "So it was written on paper."}
BOTH = ["general", "healthcare"]
LATEST = {"valid_until": "2031-11-26", **WHY}


async def grant(register: Register, proposed: dict[str, Any], who: Any = "regulator-b") -> str:  # noqa: F811
    """The status that a grant brings, or the code of the problem."""
    answer = (await register.api.post(f"/amendments/{proposed['id']}/grant", json=GRANT, who=who)).json()
    return str(answer.get("code") or answer["status"])


async def site_of(register: Register) -> dict[str, Any]:  # noqa: F811
    """A live site with two names, two items and two hosts."""
    name = domain()
    await register.approve(MINE, "healthcare", name)
    hosts = [access(), access("198.18.0.11", provider=OTHER_PROVIDER)]
    asked = a_site(name, domains=[name, domain()], service_items=BOTH, accesses=hosts)
    return dict((await register.active(asked, MINE))["sites"][0])


def as_it_is(site: dict[str, Any], **changes: Any) -> dict[str, Any]:
    hosts = [{key: each[key] for key in ("provider_id", "ips", "hosting_mode")} for each in site["accesses"]]
    return {key: site[key] for key in ("name", "domains", "service_items")} | {"accesses": hosts} | changes


LESS = {
    "name": lambda site: as_it_is(site, domains=[site["domains"][0], domain()]),
    "item": lambda site: as_it_is(site, service_items=["general"]),
    "host": lambda site: as_it_is(site, accesses=as_it_is(site)["accesses"][:1]),
}


@pytest.mark.parametrize("what", list(LESS))
async def test_what_an_operator_has_is_not_taken_in_its_name_but_with_its_own_consent(
    register: Register,  # noqa: F811
    what: str,
) -> None:
    site = await site_of(register)
    proposed = await register.propose(site, LESS[what](site), "regulator-a")
    assert (proposed["by_operator"], proposed["waits_for_operator"]) == (False, True)
    assert ("amendment_proposed", MINE) in await register.notices(proposed["id"]), "told at once"
    for official in ("regulator-a", "regulator-b"):
        expected = "second_person_required" if official == "regulator-a" else "operator_consent_missing"
        assert await grant(register, proposed, official) == expected
    for stranger in ("regulator-a", "regulator-b", "national-a", owner(BUYER)):
        await register.refused(f"/amendments/{proposed['id']}/consent", None, stranger, 403)
    assert as_it_is(await register.get(f"/sites/{site['id']}", owner(MINE))) == as_it_is(site)
    agreed = await register.post(f"/amendments/{proposed['id']}/consent", None, owner(MINE))
    assert not agreed["waits_for_operator"]
    assert await grant(register, proposed, "regulator-a") == "second_person_required", "also where they agreed"
    assert await grant(register, proposed) == "granted"


async def test_a_site_goes_to_nobody_else_unless_its_own_operator_agrees_too(register: Register) -> None:  # noqa: F811
    site, there = await site_of(register), await register.active(a_site(domain()), BUYER)
    now = {"If-Match": f'"{site["version"]}"'}
    body = {"registration_id": there["id"], "reasons": "The shop was sold."}
    proposed = await register.post(f"/sites/{site['id']}/transfer", body, "regulator-a", 201, headers=now)
    await register.post(f"/amendments/{proposed['id']}/consent", None, owner(BUYER))
    assert await grant(register, proposed) == "operator_consent_missing"
    refused = await register.refused(f"/amendments/{proposed['id']}/consent", None, owner(BUYER))
    assert refused["code"] == "nothing_changes", "the buyer agrees once, and for itself"
    await register.post(f"/amendments/{proposed['id']}/consent", None, owner(MINE))
    await register.approve(BUYER, "healthcare", site["domains"][0])
    assert await grant(register, proposed) == "granted"


async def test_a_filing_leaves_its_province_only_if_its_operator_agrees(register: Register) -> None:  # noqa: F811
    filing = await register.active(a_site(domain()), MINE)
    proposed = await register.post(
        f"/registrations/{filing['id']}/move", {"region": "310000", **WHY}, "regulator-a", 201,
        headers={"If-Match": f'"{filing["version"]}"'},
    )  # fmt: skip
    assert await grant(register, proposed, "shanghai-regulator-a") == "operator_consent_missing"
    await register.post(f"/amendments/{proposed['id']}/consent", None, owner(MINE))
    assert await grant(register, proposed, "shanghai-regulator-a") == "granted"


async def test_without_an_answer_it_lapses_and_its_operator_proposes_what_it_likes(register: Register) -> None:  # noqa: F811
    site = await site_of(register)
    proposed = await register.propose(site, LESS["name"](site), "regulator-a")
    await register.ring("amendment_decision", proposed["id"])
    now = await register.get(f"/amendments/{proposed['id']}", owner(MINE))
    assert (now["status"], now["waits_for_operator"]) == (AmendmentStatus.WITHDRAWN, False)
    assert ("amendment_lapsed", MINE) in await register.notices(proposed["id"])
    await register.propose(site, as_it_is(site, name="Our own name"))


async def test_the_operator_takes_back_what_was_proposed_in_its_name(register: Register) -> None:  # noqa: F811
    site = await site_of(register)
    proposed = await register.propose(site, LESS["host"](site), "regulator-a")
    await register.refused(f"/amendments/{proposed['id']}/refusal", REFUSAL, "regulator-a")
    await register.post(f"/amendments/{proposed['id']}/withdrawal", WHY, owner(MINE))
    assert await grant(register, proposed) == "action_refused"


async def test_what_is_only_given_needs_a_second_person_and_no_consent(register: Register) -> None:  # noqa: F811
    site = await site_of(register)
    more = await register.propose(site, as_it_is(site, domains=[*site["domains"], domain()]), "regulator-a")
    assert not more["waits_for_operator"]
    assert await grant(register, more, "regulator-a") == "second_person_required"
    program: Any = ("program-of-regulator-a", {**PEOPLE["regulator-a"], "client_id": "program-of-regulator-a"})
    assert await grant(register, more, program) == "person_required"
    assert (await register.get(f"/amendments/{more['id']}", "regulator-a"))["allowed_actions"] == []
    assert await grant(register, more) == "granted"
    own = await register.propose(
        await register.get(f"/sites/{site['id']}", "regulator-a"), as_it_is(site, domains=site["domains"][:1])
    )
    assert not own["waits_for_operator"], "its own proposal waits for nobody"
    assert await grant(register, own, program) == "granted"
    now = await register.get(f"/sites/{site['id']}", owner(MINE))
    assert now["domains"] == site["domains"][:1]


async def test_nobody_decides_on_an_application_that_they_filed_themselves(register: Register) -> None:  # noqa: F811
    body = {"operator_id": await register.operator(MINE), "kind": "filing", "site": a_site(domain())}
    asked = await register.post("/registrations", body, "regulator-a", 201)
    for step, with_body in (("grant", GRANT), ("refusal", REFUSAL)):
        refused = await register.refused(f"/registrations/{asked['id']}/{step}", with_body, "regulator-a")
        assert refused["code"] == "second_person_required", step
    assert "grant" not in (await register.get(f"/registrations/{asked['id']}", "regulator-a"))["allowed_actions"]
    program: Any = ("program-of-regulator-a", {**PEOPLE["regulator-a"], "client_id": "program-of-regulator-a"})
    assert (await register.refused(f"/registrations/{asked['id']}/grant", GRANT, program, 403))["code"]
    await register.post(f"/registrations/{asked['id']}/grant", GRANT, "regulator-b")


async def test_a_renewal_in_somebodys_name_asks_for_all_of_it_and_another_decides(
    register: Register,  # noqa: F811
    clock: FixedClock,  # noqa: F811
) -> None:
    submitted = await register.submitted(a_site(domain()), MINE, kind="licence")
    body = GRANT | {"valid_from": "2026-11-26", "valid_until": "2026-12-20", "scope": BOTH}
    licence = await register.post(f"/registrations/{submitted['id']}/grant", body, "regulator-a")
    path = f"/registrations/{licence['id']}/renewals"
    for less in ({"valid_until": "2026-12-21"}, {"scope": ["general"]}):
        assert (await register.refused(path, LATEST | less, "regulator-a", 422))["status"] == 422, less
    asked = await register.post(path, LATEST, "regulator-a", 201)
    assert not asked["by_operator"]
    assert await register.notices(asked["id"]) == [("renewal_asked", MINE)]
    for step in ("grant", "refusal"):
        refused = await register.refused(f"/renewals/{asked['id']}/{step}", GRANT, "regulator-a")
        assert refused["code"] == "second_person_required", step
    await register.post(f"/renewals/{asked['id']}/grant", GRANT | {"valid_until": "2026-12-22"}, "regulator-b")
    assert "renewed_for_less" in [kind for kind, _ in await register.notices(asked["id"])], "which can be challenged"


async def test_the_database_refuses_it_as_well(register: Register) -> None:  # noqa: F811
    site = await site_of(register)
    proposed = await register.propose(site, as_it_is(site, name="Another"), "regulator-a")
    for table, row, column in (("amendment", proposed["id"], "proposed_by"),
                               ("registration", site["registration_id"], "submitted_by")):  # fmt: skip
        with pytest.raises(Exception, match="decided_by_another"):
            await register.fetchval(
                f"UPDATE {table} SET decided_by = {column} WHERE id = $1 RETURNING 1",
                UUID(row),
            )
