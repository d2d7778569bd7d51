"""A grant of less than was asked is a refusal of the rest: with redress, and on the desk again when it falls."""

from typing import Any
from uuid import UUID

import pytest

from shared.contracts.grounds import ActRef, Service
from shared.contracts.notices import RegistryNoticeIssuedV1
from tests.integration.registry.conftest import GRANT, Register, a_site, domain, owner
from tests.integration.registry.test_licences import FIRST, LAST, LATER, asked, licensed, stands, to_the_end
from tests.support.people import OPERATOR_USCC, PEOPLE

LESS, FULL = "2028-12-01", "2031-11-26"
WIDE = ["culture", "general"]
PROGRAM: Any = ("program-of-regulator-a", {**PEOPLE["regulator-a"], "client_id": "program-of-regulator-a"})
REFUSAL: dict[str, Any] = {"statement": {"legal_basis": ["ALL section 38"], "reasons": "The capital is gone."}}


def act(kind: str, record: dict[str, Any]) -> ActRef:
    return ActRef(service=Service.REGISTRY, kind=kind, id=UUID(record["id"]))


async def renewed(register: Register, licence: dict[str, Any], **less: Any) -> dict[str, Any]:
    renewal = await asked(register, licence, scope=WIDE)
    return await register.post(f"/renewals/{renewal['id']}/grant", GRANT | less, "regulator-a")


@pytest.mark.parametrize("less", [{"valid_until": LESS}, {"scope": ["general"]}])
@pytest.mark.parametrize("outcome", ["upheld", "overdue"])
async def test_the_rest_of_a_renewal_is_challenged_and_decided_anew(
    register: Register, less: dict[str, Any], outcome: str
) -> None:
    licence = await licensed(register)
    granted = await renewed(register, licence, **less)
    assert await register.notices(granted["id"]) == [("renewed_for_less", OPERATOR_USCC)]
    told = (await register.told(RegistryNoticeIssuedV1))[-1]
    assert (told.act, told.grounds.redress.body.id) == (act("renewal", granted), "review-110000")
    await register.appealed(act("renewal", granted), "rejected")
    assert (await register.get(f"/renewals/{granted['id']}", owner()))["status"] == "granted"
    await register.appealed(act("renewal", granted), outcome)
    await register.appealed(act("renewal", granted), outcome)
    shown = await register.get(f"/renewals/{granted['id']}", owner())
    assert (shown["status"], shown["granted_until"], shown["clock"]["overdue"]) == ("asked", None, False)
    assert await stands(register, licence) == ("active", less.get("valid_until", LATER)), "what was granted stays"
    done = await register.post(f"/renewals/{granted['id']}/grant", GRANT, "regulator-a")
    assert (done["status"], done["granted_until"]) == ("granted", LATER)
    assert (await register.get(f"/registrations/{licence['id']}", owner()))["licence"]["scope"] == WIDE
    assert [kind for kind, _ in await register.notices(granted["id"])] == ["renewed_for_less", "reopened", "renewed"]
    await register.appealed(act("renewal", granted), outcome)
    assert (await register.get(f"/renewals/{granted['id']}", owner()))["status"] == "granted", "it has all of it"


async def test_while_the_rest_is_decided_the_licence_is_in_force_past_the_day_that_was_granted(
    register: Register,
) -> None:
    licence = await licensed(register)
    granted = await renewed(register, licence, valid_until=LESS)
    await to_the_end(register, licence)
    assert await stands(register, licence) == ("lapsed", LESS)
    await register.appealed(act("renewal", granted), "upheld")
    assert await stands(register, licence) == ("active", LESS)
    await register.post(f"/renewals/{granted['id']}/refusal", REFUSAL, "regulator-a")
    assert await stands(register, licence) == ("lapsed", LESS)


async def test_who_asked_for_more_meanwhile_has_that_decided(register: Register) -> None:
    licence = await licensed(register)
    granted = await renewed(register, licence, valid_until=LESS)
    await asked(register, licence)
    await register.appealed(act("renewal", granted), "upheld")
    assert (await register.get(f"/renewals/{granted['id']}", owner()))["status"] == "granted"


async def test_all_that_was_asked_burdens_nobody_and_is_no_act_to_challenge(register: Register) -> None:
    licence = await licensed(register)
    before = len(await register.told(RegistryNoticeIssuedV1))
    granted = await renewed(register, licence)
    assert await register.notices(granted["id"]) == [("renewed", OPERATOR_USCC)]
    assert len(await register.told(RegistryNoticeIssuedV1)) == before


async def test_a_first_grant_for_less_than_the_longest_time_can_be_challenged(register: Register) -> None:
    licence = await licensed(register)
    assert await register.notices(licence["id"]) == [("granted_for_less", OPERATOR_USCC)]
    told = (await register.told(RegistryNoticeIssuedV1))[-1]
    assert (told.act, told.grounds.redress.body.id) == (act("refusal", licence), "review-110000")
    await register.appealed(act("refusal", licence), "rejected")
    assert (await register.get("/renewals", owner()))["items"] == []
    await register.appealed(act("refusal", licence), "upheld")
    await register.appealed(act("refusal", licence), "upheld")
    [rest] = (await register.get("/renewals", owner()))["items"]
    assert (rest["status"], rest["valid_until"], rest["scope"]) == ("asked", FULL, ["general"])
    await to_the_end(register, licence)
    assert await stands(register, licence) == ("active", LAST)
    await register.post(f"/renewals/{rest['id']}/grant", GRANT | {"valid_until": LATER}, "regulator-a")
    assert await stands(register, licence) == ("active", LATER)


async def test_a_licence_that_lapsed_by_then_is_in_force_again(register: Register) -> None:
    licence = await licensed(register)
    await to_the_end(register, licence)
    await register.appealed(act("refusal", licence), "upheld")
    assert await stands(register, licence) == ("active", LAST)


async def test_a_first_grant_for_the_longest_time_burdens_nobody(register: Register) -> None:
    submitted = await register.submitted(a_site(domain()), kind="licence")
    path = f"/registrations/{submitted['id']}/grant"
    less = GRANT | {"valid_from": FIRST, "valid_until": LAST}
    assert (await register.refused(path, less, PROGRAM, 403))["code"] == "person_required"
    await register.post(path, GRANT | {"valid_from": FIRST, "valid_until": "2031-12-01"}, PROGRAM)
    assert await register.notices(submitted["id"]) == [("granted", OPERATOR_USCC)]
    assert await register.told(RegistryNoticeIssuedV1) == []
    await register.appealed(act("refusal", submitted), "upheld")
    assert (await register.get("/renewals", owner()))["items"] == []


async def test_a_program_refuses_nothing(register: Register) -> None:
    submitted = await register.submitted(a_site(domain()))
    licence = await licensed(register)
    renewal = await asked(register, licence)
    site = licence["sites"][0]
    change = await register.propose(site, a_site(site["domains"][0], name="Another name"))
    for path in ("registrations", submitted), ("renewals", renewal), ("amendments", change):
        refused = await register.refused(f"/{path[0]}/{path[1]['id']}/refusal", REFUSAL, PROGRAM, 403)
        assert refused["code"] == "person_required"
