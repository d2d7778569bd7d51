"""Licences have a clock: what they cover, warnings, renewal in time and late, lapse that is no sanction (P3.1.5)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from registry.service import licences, renewals
from shared.contracts.grounds import ActRef, Service
from shared.contracts.http.licences import RenewalRequest, Renewing
from shared.contracts.http.registry import Refusing
from shared.contracts.registry import SiteRecordedV1
from tests.integration.registry.conftest import GRANT, STATEMENT, Register, a_site, domain, owner, uscc
from tests.support.crash import survives
from tests.support.people import OPERATOR_USCC, person

FIRST, LAST = "2026-12-01", "2027-12-01"
LATER = "2031-11-20"
ASKED: dict[str, Any] = {"valid_until": LATER, "reasons": "The shop goes on."}
REFUSAL: dict[str, Any] = {"statement": {"legal_basis": ["ALL section 38"], "reasons": "The capital is gone."}}


async def licensed(register: Register, code: str = OPERATOR_USCC, **site: Any) -> dict[str, Any]:
    """A licence until ``LAST``, with one live site."""
    submitted = await register.submitted(a_site(domain(), **site), code, kind="licence")
    body = GRANT | {"valid_from": FIRST, "valid_until": LAST}
    return await register.post(f"/registrations/{submitted['id']}/grant", body, "regulator-a")


async def asked(register: Register, licence: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return await register.post(f"/registrations/{licence['id']}/renewals", ASKED | changes, owner(), 201)


async def stands(register: Register, licence: dict[str, Any]) -> tuple[str, str]:
    shown = await register.get(f"/registrations/{licence['id']}", owner())
    return shown["status"], shown["valid_until"]


async def to_the_end(register: Register, licence: dict[str, Any]) -> None:
    """Let the clock ring until the last day is over: 30, 7 and 1 days before, and at its end."""
    for _ in range(4):
        await register.ring(licences.VALIDITY, licence["id"])


async def test_a_licence_is_warned_of_thrice_and_lapses_at_the_end_of_its_last_day(register: Register) -> None:
    licence = await licensed(register)
    rung = []
    for _ in range(4):
        await register.ring(licences.VALIDITY, licence["id"])
        rung.append(register.clock.now().isoformat())
    assert rung == [
        "2027-11-01T16:00:00+00:00", "2027-11-24T16:00:00+00:00", "2027-11-30T16:00:00+00:00",
        "2027-12-01T16:00:00+00:00",
    ], "the last day ends at midnight in Shanghai"  # fmt: skip
    kinds = [kind for kind, _ in await register.notices(licence["id"])]
    assert kinds == ["granted_for_less", "lapsing", "lapsing", "lapsing", "lapsed"]
    shown = await register.get(f"/registrations/{licence['id']}", owner())
    assert (shown["status"], shown["number"], shown["licence"]["scope"]) == ("lapsed", "京ICP证000001号", ["general"])
    assert shown["licence"]["lapsed_at"] is not None
    assert await register.history(licence["id"]) == ["submit", "grant", "lapse"]


async def test_lapsing_shows_on_the_record_and_orders_nothing(register: Register) -> None:
    licence = await licensed(register)
    before = (await register.told(SiteRecordedV1))[-1]
    last = await register.fetchval("SELECT max(id) FROM outbox")
    await to_the_end(register, licence)
    told = (await register.told(SiteRecordedV1))[-1]
    assert (before.registration.status, told.registration.status) == (None, "lapsed")
    assert (told.status, told.accesses, told.burdens) == ("live", before.accesses, ()), "nobody has to do anything"
    assert told.version == before.version + 1
    assert await register.fetchval("SELECT count(*) FROM execution") == 0
    types = "SELECT array_agg(DISTINCT type) FROM outbox WHERE id > $1"
    assert await register.fetchval(types, last) == ["registry_act.named.v1", "site.recorded.v1"]
    await register.submitted(a_site(domain()))  # its operator is barred from nothing


async def test_nothing_is_added_under_a_lapsed_licence_and_what_is_there_can_be_put_right(register: Register) -> None:
    licence = await licensed(register)
    await to_the_end(register, licence)
    refused = await register.refused(f"/registrations/{licence['id']}/sites", a_site(domain()), owner())
    assert (refused["code"], refused["current_status"]) == ("action_refused", "lapsed")
    site = licence["sites"][0]
    proposed = await register.propose(site, a_site(site["domains"][0], name="Another name"))
    await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    other = await register.live(OPERATOR_USCC)
    now = await register.get(f"/sites/{other['id']}", "regulator-a")
    refused = await register.refused(
        f"/sites/{other['id']}/transfer", {"registration_id": licence["id"], "reasons": "Both are one shop."}, owner(),
        headers={"If-Match": f'"{now["version"]}"'},
    )  # fmt: skip
    assert refused["current_status"] == "lapsed"


async def test_a_site_that_was_asked_for_before_the_lapse_is_not_entered_after_it(register: Register) -> None:
    licence = await licensed(register)
    added = await register.post(f"/registrations/{licence['id']}/sites", a_site(domain()), owner(), 201)
    await to_the_end(register, licence)
    refused = await register.refused(f"/amendments/{added['id']}/grant", GRANT, "regulator-a")
    assert refused["current_status"] == "lapsed"


async def test_asked_for_in_time_it_stays_in_force_until_it_is_decided(register: Register) -> None:
    licence = await licensed(register)
    renewal = await asked(register, licence)
    assert (renewal["status"], renewal["late"], renewal["number"]) == ("asked", False, licence["number"])
    again = await register.refused(f"/registrations/{licence['id']}/renewals", ASKED, owner())
    assert (again["code"], again["renewal_id"]) == ("renewal_pending", renewal["id"])
    await register.ring(renewals.DECISION, renewal["id"])
    await to_the_end(register, licence)
    assert await stands(register, licence) == ("active", LAST)
    shown = await register.get(f"/renewals/{renewal['id']}", "regulator-a")
    assert (shown["clock"]["overdue"], shown["allowed_actions"]) == (True, ["grant", "refuse"])
    granted = await register.post(f"/renewals/{renewal['id']}/grant", GRANT, "regulator-a")
    assert (granted["status"], granted["granted_until"], granted["clock"]) == ("granted", LATER, None)
    assert await stands(register, licence) == ("active", LATER)
    told = (await register.told(SiteRecordedV1))[-1]
    assert (str(told.registration.valid_until), told.registration.number) == (LATER, licence["number"])
    assert await register.notices(renewal["id"]) == [("renewed", OPERATOR_USCC)]
    await register.ring(licences.VALIDITY, licence["id"])
    assert register.clock.now().date().isoformat() == "2031-10-21", "the warnings start anew"


async def test_a_refused_renewal_leaves_the_licence_until_its_last_day(register: Register) -> None:
    licence = await licensed(register)
    renewal = await asked(register, licence)
    refused = await register.post(f"/renewals/{renewal['id']}/refusal", REFUSAL, "regulator-a")
    assert refused["refusal"]["grounds"]["redress"]["body"]["id"] == "review-110000"
    assert await register.notices(renewal["id"]) == [("renewal_refused", OPERATOR_USCC)]
    assert await stands(register, licence) == ("active", LAST)
    await to_the_end(register, licence)
    assert await stands(register, licence) == ("lapsed", LAST)


async def test_what_was_decided_is_not_refused_whatever_else_is_wrong_about_that(register: Register) -> None:
    licence = await licensed(register)
    renewal = await asked(register, licence)
    path = f"/renewals/{renewal['id']}/refusal"
    await register.post(path, REFUSAL, "regulator-a")
    for body in (REFUSAL, REFUSAL | {"codes": ["no_such_ground"]}):
        assert (await register.refused(path, body, "regulator-a"))["code"] == "action_refused"


@pytest.mark.parametrize("step", ["refusal", "withdrawal"])
async def test_when_the_last_day_is_over_a_renewal_that_is_not_granted_lets_it_lapse(
    register: Register, step: str
) -> None:
    licence = await licensed(register)
    renewal = await asked(register, licence)
    await to_the_end(register, licence)
    if step == "refusal":
        await register.post(f"/renewals/{renewal['id']}/refusal", REFUSAL, "regulator-a")
    else:
        await register.post(f"/renewals/{renewal['id']}/withdrawal", {"reasons": "We close this shop."}, owner())
    assert await stands(register, licence) == ("lapsed", LAST)
    assert [kind for kind, _ in await register.notices(licence["id"])][-1] == "lapsed"


@pytest.mark.parametrize("outcome", ["upheld", "overdue"])
async def test_a_refusal_to_renew_that_fell_brings_the_licence_back_until_it_is_decided(
    register: Register, outcome: str
) -> None:
    licence = await licensed(register)
    renewal = await asked(register, licence)
    await to_the_end(register, licence)
    await register.post(f"/renewals/{renewal['id']}/refusal", REFUSAL, "regulator-a")
    act = ActRef(service=Service.REGISTRY, kind="renewal", id=UUID(renewal["id"]))
    await register.appealed(act, "rejected")
    assert await stands(register, licence) == ("lapsed", LAST)
    await register.appealed(act, outcome)
    await register.appealed(act, outcome)
    assert await stands(register, licence) == ("active", LAST)
    shown = await register.get(f"/renewals/{renewal['id']}", owner())
    assert (shown["status"], shown["refusal"], shown["clock"]["overdue"]) == ("asked", None, False)
    assert (await register.told(SiteRecordedV1))[-1].registration.status is None
    assert [kind for kind, _ in await register.notices(licence["id"])][-1] == "revived"
    await register.post(f"/renewals/{renewal['id']}/grant", GRANT, "regulator-a")
    assert await stands(register, licence) == ("active", LATER)
    assert await register.history(renewal["id"]) == ["ask", "refuse", "reopen", "grant"]


async def test_a_refusal_that_fell_before_the_last_day_keeps_it_in_force_past_it(register: Register) -> None:
    licence = await licensed(register)
    renewal = await asked(register, licence)
    await register.post(f"/renewals/{renewal['id']}/refusal", REFUSAL, "regulator-a")
    await register.appealed(ActRef(service=Service.REGISTRY, kind="renewal", id=UUID(renewal["id"])), "upheld")
    await to_the_end(register, licence)
    assert await stands(register, licence) == ("active", LAST)


async def test_what_was_renewed_otherwise_meanwhile_is_not_asked_again_on_appeal(register: Register) -> None:
    licence = await licensed(register)
    first = await asked(register, licence)
    await register.post(f"/renewals/{first['id']}/refusal", REFUSAL, "regulator-a")
    second = await asked(register, licence)
    act = ActRef(service=Service.REGISTRY, kind="renewal", id=UUID(first["id"]))
    await register.appealed(act, "upheld")
    assert (await register.get(f"/renewals/{first['id']}", owner()))["status"] == "refused", "another is on the desk"
    await register.post(f"/renewals/{second['id']}/grant", GRANT, "regulator-a")
    await register.appealed(act, "upheld")
    assert (await register.get(f"/renewals/{first['id']}", owner()))["status"] == "refused"


async def test_a_late_renewal_brings_a_lapsed_licence_back_under_its_number(register: Register) -> None:
    licence = await licensed(register)
    await to_the_end(register, licence)
    register.clock.advance(timedelta(days=89))
    renewal = await asked(register, licence)
    assert renewal["late"] is True
    assert await stands(register, licence) == ("lapsed", LAST), "it does not come back by being asked for"
    await register.post(f"/renewals/{renewal['id']}/grant", GRANT, "regulator-a")
    shown = await register.get(f"/registrations/{licence['id']}", owner())
    assert (shown["status"], shown["number"], shown["valid_until"]) == ("active", licence["number"], LATER)
    assert (shown["licence"]["lapsed_at"], shown["sites"][0]["number"]) == (None, f"{licence['number']}-1")
    told = (await register.told(SiteRecordedV1))[-1]
    assert (told.registration.status, str(told.registration.valid_until)) == (None, LATER)
    await register.post(f"/registrations/{licence['id']}/sites", a_site(domain()), owner(), 201)


async def test_a_late_renewal_that_was_refused_does_not_revive_on_appeal_before_it_is_granted(
    register: Register,
) -> None:
    licence = await licensed(register)
    await to_the_end(register, licence)
    renewal = await asked(register, licence)
    await register.post(f"/renewals/{renewal['id']}/refusal", REFUSAL, "regulator-a")
    await register.appealed(ActRef(service=Service.REGISTRY, kind="renewal", id=UUID(renewal["id"])), "upheld")
    assert (await register.get(f"/renewals/{renewal['id']}", owner()))["status"] == "asked"
    assert await stands(register, licence) == ("lapsed", LAST)


async def test_after_the_window_a_new_licence_is_asked_for(register: Register) -> None:
    licence = await licensed(register)
    await to_the_end(register, licence)
    register.clock.advance(timedelta(days=91))
    late = await register.refused(f"/registrations/{licence['id']}/renewals", ASKED, owner())
    assert late["code"] == "renewal_too_late"
    await register.submitted(a_site(domain()), kind="licence")


async def test_before_its_clock_has_rung_a_licence_whose_last_day_is_over_counts_as_lapsed(register: Register) -> None:
    licence = await licensed(register)
    register.clock.advance(timedelta(days=380))
    renewal = await asked(register, licence)
    assert (renewal["late"], (await stands(register, licence))[0]) == (True, "lapsed")


async def test_a_licence_covers_the_items_it_was_granted_for_and_a_renewal_can_ask_for_more(register: Register) -> None:
    licence, name = await licensed(register), domain()
    await register.approve(OPERATOR_USCC, "culture", name)
    site = a_site(name, service_items=["culture"])
    refused = await register.refused(f"/registrations/{licence['id']}/sites", site, owner())
    assert [(each["code"], each["field"]) for each in refused["grounds"]] == [("beyond_scope", "service_items.0")]
    narrow = await register.refused(
        f"/registrations/{licence['id']}/renewals", ASKED | {"scope": ["culture"]}, owner(), 422
    )
    assert narrow["fields"][0]["message"] == "leaves out what its sites have: general"
    unknown = ASKED | {"scope": ["general", "news"]}
    assert "is none of" in (await register.refused(
        f"/registrations/{licence['id']}/renewals", unknown, owner(), 422
    ))["fields"][0]["message"]  # fmt: skip
    renewal = await asked(register, licence, scope=["general", "culture"])
    await register.post(f"/renewals/{renewal['id']}/grant", GRANT, "regulator-a")
    await register.post(f"/registrations/{licence['id']}/sites", site, owner(), 201)


async def test_a_grant_may_cover_more_than_the_first_site_and_no_less(register: Register) -> None:
    submitted = await register.submitted(a_site(domain()), kind="licence")
    body = GRANT | {"valid_from": FIRST, "valid_until": LAST}
    path = f"/registrations/{submitted['id']}/grant"
    await register.refused(path, body | {"scope": ["culture"]}, "regulator-a", 422)
    granted = await register.post(path, body | {"scope": ["general", "culture"]}, "regulator-a")
    assert granted["licence"]["scope"] == ["culture", "general"]
    filing = await register.submitted(a_site(domain()), uscc(7))
    wrong = await register.refused(
        f"/registrations/{filing['id']}/grant", GRANT | {"scope": ["general"]}, "regulator-a", 422
    )
    assert wrong["fields"][0]["field"] == "scope"


@pytest.mark.parametrize("until", [LAST, "2026-11-26", "2031-11-27"])
async def test_a_renewal_is_for_later_than_the_last_day_and_no_longer_than_five_years(
    register: Register, until: str
) -> None:
    licence = await licensed(register)
    path = f"/registrations/{licence['id']}/renewals"
    wrong = await register.refused(path, ASKED | {"valid_until": until}, owner(), 422)
    assert wrong["fields"][0]["field"] == "valid_until"
    renewal = await asked(register, licence)
    wrong = await register.refused(
        f"/renewals/{renewal['id']}/grant", GRANT | {"valid_until": until}, "regulator-a", 422
    )
    assert wrong["fields"][0]["field"] == "valid_until"


async def test_a_licence_is_for_five_years_at_most(register: Register) -> None:
    submitted = await register.submitted(a_site(domain()), kind="licence")
    body = GRANT | {"valid_from": FIRST, "valid_until": "2031-12-02"}
    wrong = await register.refused(f"/registrations/{submitted['id']}/grant", body, "regulator-a", 422)
    assert wrong["fields"][0]["message"] == "must be 2031-12-01 at the latest"


async def test_a_filing_is_not_renewed_nor_what_has_ended(register: Register) -> None:
    filing = await register.active(a_site(domain()))
    refused = await register.refused(f"/registrations/{filing['id']}/renewals", ASKED, owner())
    assert refused["code"] == "not_a_licence"
    licence = await licensed(register)
    await register.post(
        f"/sites/{licence['sites'][0]['id']}/deregistration", {"reasons": "We close this shop."}, owner()
    )
    ended = await register.refused(f"/registrations/{licence['id']}/renewals", ASKED, owner())
    assert ended["current_status"] == "ended"
    assert await register.fetchval(
        "SELECT count(*) FROM deadline WHERE kind = $1 AND met_at IS NULL", licences.VALIDITY
    ) == 0  # fmt: skip


async def test_when_the_last_site_goes_nobody_decides_on_the_renewal(register: Register) -> None:
    licence = await licensed(register)
    renewal = await asked(register, licence)
    await to_the_end(register, licence)
    gone = f"/sites/{licence['sites'][0]['id']}/deregistration"
    await register.post(gone, {"reasons": "We close this shop."}, owner())
    shown = await register.get(f"/renewals/{renewal['id']}", owner())
    assert (shown["status"], shown["clock"], shown["allowed_actions"]) == ("withdrawn", None, [])


async def test_a_lapsed_registration_ends_with_its_last_site(register: Register) -> None:
    licence = await licensed(register)
    await to_the_end(register, licence)
    gone = f"/sites/{licence['sites'][0]['id']}/deregistration"
    await register.post(gone, {"reasons": "We close this shop."}, owner())
    assert (await stands(register, licence))[0] == "ended"


async def test_only_the_desk_decides_and_only_the_operator_withdraws(register: Register) -> None:
    licence = await licensed(register)
    await register.refused(f"/registrations/{licence['id']}/renewals", ASKED, "seller", 403)
    await register.refused(f"/registrations/{licence['id']}/renewals", ASKED, "shanghai-regulator-a", 403)
    renewal = await asked(register, licence)
    for who in ("applicant", "national-a", "shanghai-regulator-a", "drugs-a"):
        await register.refused(f"/renewals/{renewal['id']}/grant", GRANT, who, 403)
        await register.refused(f"/renewals/{renewal['id']}/refusal", REFUSAL, who, 403)
    await register.refused(
        f"/renewals/{renewal['id']}/withdrawal", {"reasons": "We close this shop."}, "regulator-a", 403
    )


async def test_a_kill_after_any_statement_leaves_nothing_of_a_lapse_or_a_renewal(register: Register) -> None:
    rt, operator, officer = register.api.rt, person("applicant"), person("regulator-a")
    licence = await licensed(register)
    registration_id = UUID(licence["id"])

    async def ask() -> None:
        async with rt.db.transaction() as tx:
            await renewals.ask(tx, rt, operator, registration_id, RenewalRequest.model_validate(ASKED))

    await survives(rt, ask)
    renewal_id: UUID = await register.fetchval("SELECT id FROM renewal")
    await to_the_end(register, licence)

    async def refuse() -> None:
        async with rt.db.transaction() as tx:
            await renewals.refuse(tx, rt, officer, renewal_id, Refusing.model_validate(REFUSAL))

    await survives(rt, refuse)  # it lapses with that
    assert (await stands(register, licence))[0] == "lapsed"
    late = await asked(register, licence)

    async def grant() -> None:
        async with rt.db.transaction() as tx:
            body = Renewing.model_validate({"statement": STATEMENT})
            await renewals.grant(tx, rt, officer, UUID(late["id"]), body)

    await survives(rt, grant)
    assert await stands(register, licence) == ("active", LATER)
