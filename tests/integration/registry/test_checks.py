"""A provider checks what is submitted with its name; its silence stops nobody (P3.1.4)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from registry.main import SERVICE
from registry.service import checks
from shared.contracts.grounds import ActRef, Service
from shared.contracts.http.checks import Mismatch
from shared.runtime.base.clock import FixedClock
from tests.integration.registry.conftest import (
    GRANT,
    OTHER_PROVIDER,
    PROVIDER,
    Register,
    a_site,
    access,
    domain,
    owner,
    provider_recorded,
    uscc,
)
from tests.support import people
from tests.support.crash import survives
from tests.support.fixtures import MakeDatabase
from tests.support.people import OPERATOR_USCC
from tests.support.service import running_service

WRONG: dict[str, Any] = {"differs": ["addresses"], "reasons": "That address is another customer's."}
REFUSAL: dict[str, Any] = {"statement": {"legal_basis": ["P3.1"], "reasons": "The papers are incomplete."}}


def provider(provider_id: UUID = PROVIDER) -> tuple[str, dict[str, Any]]:
    """The machine of a provider: its organisation is the provider's id."""
    return f"provider-{provider_id}", {"organisation": str(provider_id), "roles": ["access_provider"]}


@pytest.fixture
async def strict(make_database: MakeDatabase, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Register]:
    """A register under cn-2006 itself, where a grant waits for the providers."""
    settings: dict[str, Any] = {"signing_keys_file": tmp_path / "keys.json", "signing_keys_generate": True}
    settings |= {"identity_key": "k" * 40, "profile": "cn-2006"}
    async with running_service(SERVICE, await make_database("registry"), clock=clock, **settings) as api:
        found = Register(api, clock)
        await found.hear(provider_recorded())
        await found.hear(provider_recorded(OTHER_PROVIDER, "310000"))
        yield found


async def waiting(register: Register, who: Any, **filters: str) -> list[dict[str, Any]]:
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return list((await register.get(f"/checks?{query}", who))["items"])


async def test_p3_1_4_each_provider_is_asked_about_its_own_accesses_and_the_grant_waits(strict: Register) -> None:
    accesses = [access("198.18.0.10"), access("198.18.0.11"), access("198.18.0.12", provider=OTHER_PROVIDER)]
    submitted = await strict.submitted(a_site(domain(), accesses=accesses))
    (mine,) = await waiting(strict, provider(), status="asked")
    assert [each["ips"] for each in mine["asked"]["accesses"]] == [["198.18.0.10"], ["198.18.0.11"]]
    assert mine["asked"]["domains"] == submitted["sites"][0]["domains"]
    assert (mine["clock"]["overdue"], mine["allowed_actions"]) == (False, ["verify", "report_mismatch"])
    path = f"/registrations/{submitted['id']}/grant"
    refused = await strict.refused(path, GRANT, "regulator-a")
    assert (refused["code"], set(refused["providers"])) == ("checks_pending", {str(PROVIDER), str(OTHER_PROVIDER)})
    verified = await strict.post(f"/checks/{mine['id']}/verification", None, provider())
    assert (verified["status"], verified["clock"]) == ("verified", None)
    assert (await strict.refused(path, GRANT, "regulator-a"))["providers"] == [str(OTHER_PROVIDER)]
    (other,) = await waiting(strict, provider(OTHER_PROVIDER))
    await strict.post(f"/checks/{other['id']}/verification", None, provider(OTHER_PROVIDER))
    assert (await strict.post(path, GRANT, "regulator-a"))["status"] == "active"


async def test_a_provider_that_is_silent_stops_nobody_when_its_clock_is_over(strict: Register) -> None:
    submitted = await strict.submitted(a_site(domain()))
    (check,) = await waiting(strict, provider())
    await strict.ring(checks.ANSWER, check["id"])
    shown = await strict.get(f"/checks/{check['id']}", "regulator-a")
    assert (shown["status"], shown["clock"]["overdue"]) == ("silent", True)
    await strict.post(f"/registrations/{submitted['id']}/grant", GRANT, "regulator-a")
    shown = await strict.get(f"/checks/{check['id']}", provider())
    assert (shown["status"], shown["allowed_actions"]) == ("closed", [])
    assert await strict.history(check["id"]) == ["ask", "expire", "close"]


async def test_a_silent_provider_may_still_answer_until_it_is_decided(strict: Register) -> None:
    await strict.submitted(a_site(domain()))
    (check,) = await waiting(strict, provider())
    await strict.ring(checks.ANSWER, check["id"])
    await strict.post(f"/checks/{check['id']}/mismatch", WRONG, provider())
    late = await strict.refused(f"/checks/{check['id']}/verification", None, provider())
    assert late["current_status"] == "mismatch", "it said so once"


async def test_a_clock_that_rings_as_the_answer_comes_makes_nobody_silent(strict: Register) -> None:
    for answer, body in (("verification", None), ("mismatch", WRONG)):
        await strict.submitted(a_site(domain()), uscc(len(answer)))
        check = (await waiting(strict, provider()))[0]
        await strict.post(f"/checks/{check['id']}/{answer}", body, provider())
        async with strict.api.rt.db.transaction() as tx:
            await checks.expire(strict.api.rt, tx, UUID(check["id"]))
        assert (await strict.history(check["id"]))[-1] != "expire"


async def test_a_mismatch_is_shown_to_regulator_and_operator_and_decides_nothing(strict: Register) -> None:
    submitted = await strict.submitted(a_site(domain()))
    (check,) = await waiting(strict, provider())
    await strict.post(f"/checks/{check['id']}/mismatch", WRONG, provider())
    for who in ("regulator-a", owner()):
        (shown,) = await waiting(strict, who, registration_id=submitted["id"])
        assert (shown["status"], shown["differs"], shown["reasons"]) == ("mismatch", ["addresses"], WRONG["reasons"])
    assert await strict.notices(check["id"]) == [("check_mismatch", OPERATOR_USCC)]
    assert (await strict.get(f"/registrations/{submitted['id']}", owner()))["status"] == "submitted"
    await strict.post(f"/registrations/{submitted['id']}/grant", GRANT, "regulator-a")


async def test_a_mismatch_without_reasons_is_none(strict: Register) -> None:
    await strict.submitted(a_site(domain()))
    (check,) = await waiting(strict, provider())
    for body in ({"differs": ["addresses"]}, {"differs": [], "reasons": WRONG["reasons"]}, {"differs": ["opinions"]}):
        await strict.refused(f"/checks/{check['id']}/mismatch", body, provider(), 422)


async def test_a_further_site_is_checked_too(strict: Register) -> None:
    submitted = await strict.submitted(a_site(domain()))
    (check,) = await waiting(strict, provider())
    await strict.post(f"/checks/{check['id']}/verification", None, provider())
    await strict.post(f"/registrations/{submitted['id']}/grant", GRANT, "regulator-a")
    added = await strict.post(f"/registrations/{submitted['id']}/sites", a_site(domain()), owner(), 201)
    assert (await strict.refused(f"/amendments/{added['id']}/grant", GRANT, "regulator-a"))["code"] == "checks_pending"
    (check,) = await waiting(strict, provider(), status="asked")
    assert check["site_id"] == added["site_id"]
    await strict.post(f"/checks/{check['id']}/verification", None, provider())
    await strict.post(f"/amendments/{added['id']}/grant", GRANT, "regulator-a")


async def test_a_refusal_waits_for_nobody_and_on_appeal_who_had_not_answered_is_asked_again(strict: Register) -> None:
    both = [access(), access(provider=OTHER_PROVIDER)]
    submitted = await strict.submitted(a_site(domain(), accesses=both))
    (mine,) = await waiting(strict, provider())
    await strict.post(f"/checks/{mine['id']}/verification", None, provider())
    await strict.post(f"/registrations/{submitted['id']}/refusal", REFUSAL, "regulator-a")
    assert await waiting(strict, provider(OTHER_PROVIDER), status="asked") == []
    await strict.appealed(ActRef(service=Service.REGISTRY, kind="refusal", id=UUID(submitted["id"])), "upheld")
    assert [each["status"] for each in await waiting(strict, provider())] == ["verified"], "its answer stands"
    assert [each["status"] for each in await waiting(strict, provider(OTHER_PROVIDER))] == ["asked", "closed"]
    assert (await strict.refused(f"/registrations/{submitted['id']}/grant", GRANT, "regulator-a"))["providers"] == [
        str(OTHER_PROVIDER)
    ]


async def test_only_the_provider_that_is_asked_answers_and_others_do_not_see_it(strict: Register) -> None:
    await strict.submitted(a_site(domain()))
    (check,) = await waiting(strict, provider())
    for who in (provider(OTHER_PROVIDER), "regulator-a", owner(), "desk-a"):
        await strict.refused(f"/checks/{check['id']}/verification", None, who, 403)
        await strict.refused(f"/checks/{check['id']}/mismatch", WRONG, who, 403)
    for who in (provider(OTHER_PROVIDER), "seller", "shanghai-regulator-a"):
        assert (await strict.api.get(f"/checks/{check['id']}", who=who)).status_code == 403
        assert await waiting(strict, who) == []


async def test_where_the_profile_leaves_it_open_a_grant_does_not_wait(register: Register) -> None:
    submitted = await register.submitted(a_site(domain()))
    (check,) = await waiting(register, provider())
    await register.post(f"/registrations/{submitted['id']}/grant", GRANT, "regulator-a")
    assert (await register.get(f"/checks/{check['id']}", provider()))["status"] == "closed"


async def test_of_an_answer_and_a_grant_at_once_neither_is_lost(register: Register) -> None:
    for number in range(8):
        submitted = await register.submitted(a_site(domain()), uscc(100 + number))
        (check,) = await waiting(register, provider(), status="asked")
        granted, answered = await asyncio.gather(
            register.api.post(f"/registrations/{submitted['id']}/grant", json=GRANT, who="regulator-a"),
            register.api.post(f"/checks/{check['id']}/mismatch", json=WRONG, who=provider()),
        )
        status = (await register.get(f"/checks/{check['id']}", provider()))["status"]
        assert (granted.status_code, answered.status_code, status) in {
            (200, 200, "mismatch"), (200, 409, "closed"), (409, 200, "mismatch"),
        }  # fmt: skip
        assert (await register.notices(check["id"]) != []) is (status == "mismatch")


async def test_a_kill_after_any_statement_leaves_no_half_an_answer(register: Register) -> None:
    await register.submitted(a_site(domain()))
    (check,) = await waiting(register, provider())
    rt, who = register.api.rt, people.provider(PROVIDER)

    async def report() -> None:
        async with rt.db.transaction() as tx:
            await checks.report(tx, rt, who, UUID(check["id"]), Mismatch.model_validate(WRONG))

    await survives(rt, report)


async def live_at(strict: Register, provider_id: UUID = PROVIDER) -> dict[str, Any]:
    """A live site at a provider that verified it."""
    submitted = await strict.submitted(a_site(domain(), accesses=[access(provider=provider_id)]))
    (check,) = await waiting(strict, provider(provider_id), status="asked")
    await strict.post(f"/checks/{check['id']}/verification", None, provider(provider_id))
    granted = await strict.post(f"/registrations/{submitted['id']}/grant", GRANT, "regulator-a")
    return dict(granted["sites"][0])


def changed(site: dict[str, Any], *accesses: dict[str, Any]) -> dict[str, Any]:
    return a_site(site["domains"][0], accesses=list(accesses))


async def test_a_provider_that_a_registered_site_shall_come_to_is_asked_and_the_one_that_has_it_is_not(
    strict: Register,
) -> None:
    site = await live_at(strict)
    both = changed(site, access(), access("198.18.0.12", provider=OTHER_PROVIDER))
    proposed = await strict.propose(site, both, owner())
    assert await waiting(strict, provider(), status="asked") == []
    (check,) = await waiting(strict, provider(OTHER_PROVIDER), status="asked")
    assert (check["amendment_id"], check["site_id"]) == (proposed["id"], site["id"])
    assert [each["ips"] for each in check["asked"]["accesses"]] == [["198.18.0.12"]]
    path = f"/amendments/{proposed['id']}/grant"
    refused = await strict.refused(path, GRANT, "regulator-a")
    assert (refused["code"], refused["providers"]) == ("checks_pending", [str(OTHER_PROVIDER)])
    await strict.post(f"/checks/{check['id']}/verification", None, provider(OTHER_PROVIDER))
    await strict.post(path, GRANT, "regulator-a")
    now = await strict.get(f"/sites/{site['id']}", owner())
    assert [each["provider_id"] for each in now["accesses"]] == [str(PROVIDER), str(OTHER_PROVIDER)]


async def test_other_addresses_at_a_provider_are_checked_by_it_though_it_verified_the_site_before(
    strict: Register,
) -> None:
    site = await live_at(strict)
    proposed = await strict.propose(site, changed(site, access("198.18.0.77")), owner())
    (check,) = await waiting(strict, provider(), status="asked")
    assert check["asked"]["accesses"][0]["ips"] == ["198.18.0.77"]
    await strict.post(f"/checks/{check['id']}/mismatch", WRONG, provider())
    assert await strict.notices(check["id"]) == [("check_mismatch", OPERATOR_USCC)]
    await strict.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")


async def test_a_change_that_leaves_the_hosting_as_it_is_asks_nobody(strict: Register) -> None:
    site = await live_at(strict)
    proposed = await strict.propose(site, a_site(site["domains"][0], name="Another name"), owner())
    assert await waiting(strict, provider(), status="asked") == []
    await strict.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")


async def test_a_silent_provider_does_not_hold_a_change_back_for_ever(strict: Register) -> None:
    site = await live_at(strict)
    proposed = await strict.propose(site, changed(site, access(provider=OTHER_PROVIDER)), owner())
    (check,) = await waiting(strict, provider(OTHER_PROVIDER), status="asked")
    await strict.ring(checks.ANSWER, check["id"])
    await strict.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    assert (await strict.get(f"/checks/{check['id']}", provider(OTHER_PROVIDER)))["status"] == "closed"


async def test_a_change_that_is_withdrawn_needs_no_answer_and_the_next_one_asks_anew(strict: Register) -> None:
    site = await live_at(strict)
    there = changed(site, access(provider=OTHER_PROVIDER))
    for _ in range(2):
        proposed = await strict.propose(site, there, owner())
        (check,) = await waiting(strict, provider(OTHER_PROVIDER), status="asked")
        assert check["amendment_id"] == proposed["id"]
        reasons = {"reasons": "We stay with our provider for now."}
        await strict.post(f"/amendments/{proposed['id']}/withdrawal", reasons, owner())
        assert await waiting(strict, provider(OTHER_PROVIDER), status="asked") == []


async def test_a_refused_change_is_closed_and_on_appeal_who_had_not_answered_is_asked_again(strict: Register) -> None:
    site = await live_at(strict)
    proposed = await strict.propose(site, changed(site, access(provider=OTHER_PROVIDER)), owner())
    await strict.post(f"/amendments/{proposed['id']}/refusal", REFUSAL, "regulator-a")
    assert await waiting(strict, provider(OTHER_PROVIDER), status="asked") == []
    await strict.appealed(ActRef(service=Service.REGISTRY, kind="amendment", id=UUID(proposed["id"])), "upheld")
    (check,) = await waiting(strict, provider(OTHER_PROVIDER), status="asked")
    assert check["amendment_id"] == proposed["id"]
    late = await strict.refused(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    assert late["code"] == "checks_pending"
