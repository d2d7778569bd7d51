"""What the register does about names is told for those who hold them: what everybody may read of it (ADR 13)."""

import pytest

from shared.contracts.grounds import ActRef, Service
from shared.contracts.notices import RegistryActNamedV1
from shared.runtime.acts import names as acts_names
from tests.integration.registry.conftest import GRANT, STATEMENT, Register, a_site, domain, owner, uscc
from tests.integration.registry.test_forwarding import SHANGHAI as FORWARD
from tests.integration.registry.test_licences import REFUSAL, asked, licensed, to_the_end
from tests.integration.registry.test_mergers import Two
from tests.integration.registry.test_moves_home import BODY, SHANGHAI
from tests.integration.registry.test_reviews import closed, consented, given, opened, subject_of, suspended
from tests.integration.registry.test_shells import due, lapsed
from tests.support.people import OPERATOR_USCC

WHY = {"reasons": "The shop closes."}
REDACTED = {**STATEMENT, "reasons": "Li of 3 Lane sold it.", "public_reasons": "It was sold.", "redacted": ["who"]}


async def named(register: Register) -> list[tuple[str, list[str]]]:
    """Kinds of what was told of names, and of which, oldest first."""
    return [(each.kind, list(each.hosts)) for each in await register.told(RegistryActNamedV1)]


async def test_a_registration_is_told_when_it_is_granted_refused_or_forwarded_and_its_site_when_it_is_given_up(
    register: Register,
) -> None:
    granted, refused, forwarded = [await register.submitted(a_site(domain()), uscc(n)) for n in (1, 2, 3)]
    names = [each["sites"][0]["domains"] for each in (granted, refused, forwarded)]
    assert await named(register) == [], "that somebody asks is nobody else's business"
    await register.post(f"/registrations/{granted['id']}/grant", GRANT, "regulator-a")
    body = REFUSAL | {"statement": REDACTED}
    await register.post(f"/registrations/{refused['id']}/refusal", body, "regulator-a")
    await register.post(f"/registrations/{forwarded['id']}/forwarding", FORWARD, "regulator-a")
    await register.post(f"/sites/{granted['sites'][0]['id']}/deregistration", WHY, owner(uscc(1)))
    assert await named(register) == [
        ("granted", names[0]), ("refused", names[1]), ("forwarded", names[2]), ("deregistered", names[0]),
    ]  # fmt: skip
    said = (await register.told(RegistryActNamedV1))[1]
    assert said.grounds is not None
    assert (said.grounds.reasons, said.statement) == ("It was sold.", None), "what is redacted stays so"
    act = ActRef(service=Service.REGISTRY, kind="refusal", id=said.act_id)
    assert (said.act, str(said.act_id)) == (act, refused["id"])
    await register.appealed(act, "upheld")
    assert (await named(register))[-1] == ("reopened", names[1])


async def test_a_change_is_told_of_the_names_that_the_site_has_and_of_those_that_it_asks_for(
    register: Register,
) -> None:
    site = await register.live(OPERATOR_USCC)
    told = len(await named(register))
    new = domain()
    proposed = await register.propose(site, a_site(new))
    body = REFUSAL | {"statement": STATEMENT}
    await register.post(f"/amendments/{proposed['id']}/refusal", body, "regulator-a")
    both = sorted([new, *site["domains"]])
    assert (await named(register))[told:] == [("amendment_refused", both)]
    other = await register.propose(site, a_site(new))
    await register.post(f"/amendments/{other['id']}/grant", GRANT, "regulator-a")
    assert (await named(register))[told + 1 :] == [("amendment_granted", both)], "who holds the old one hears of it too"
    further = await register.post(
        f"/registrations/{site['registration_id']}/sites", a_site("more.example"), owner(), 201
    )
    await register.post(f"/amendments/{further['id']}/grant", GRANT, "regulator-a")
    assert (await named(register))[-1] == ("amendment_granted", ["more.example"])


async def test_what_is_about_an_operator_is_told_of_no_name(register: Register) -> None:
    site = await register.live(OPERATOR_USCC)
    told = await named(register)
    operator = await register.get(f"/operators/{await register.operator()}", owner())
    body = {"particulars": {"name": "Another Pharmacy Ltd"}, "reasons": "It was renamed."}
    proposed = await register.post(
        f"/operators/{operator['id']}/amendments", body, owner(), 201,
        headers={"If-Match": f'"{operator["version"]}"'},
    )  # fmt: skip
    await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")
    await register.carried_out(await register.decided(site))
    assert await named(register) == told, "and what is carried out enforcement tells"


async def test_a_filing_that_moves_is_told_of_every_name_under_it(register: Register) -> None:
    registration = await register.active(a_site("one.example"))
    further = await register.post(f"/registrations/{registration['id']}/sites", a_site("two.example"), owner(), 201)
    await register.post(f"/amendments/{further['id']}/grant", GRANT, "regulator-a")
    told, both = len(await named(register)), ["one.example", "two.example"]
    now = await register.fetchval("SELECT version FROM registration WHERE id = $1::text::uuid", registration["id"])
    moving = await register.post(
        f"/registrations/{registration['id']}/move", BODY, owner(), 201, headers={"If-Match": f'"{now}"'}
    )
    await register.post(f"/amendments/{moving['id']}/grant", GRANT, SHANGHAI)
    assert (await named(register))[told:] == [("move_proposed", both), ("moved", both)]


async def test_a_licence_is_told_when_it_lapses_and_when_it_is_renewed_or_not(register: Register) -> None:
    licence = await licensed(register)
    names, told = licence["sites"][0]["domains"], len(await named(register))
    renewal = await asked(register, licence)
    await register.post(f"/renewals/{renewal['id']}/refusal", REFUSAL, "regulator-a")
    await to_the_end(register, licence)
    late = await asked(register, licence)
    await register.post(f"/renewals/{late['id']}/grant", {"statement": STATEMENT}, "regulator-a")
    found = (await named(register))[told:]
    assert {kind for kind, _ in found} >= {"renewal_refused", "lapsing", "lapsed", "renewed"}
    assert all(hosts == names for _, hosts in found)


async def test_a_finding_that_nobody_hosts_it_is_told_until_it_is_over(register: Register) -> None:
    site, finding = await due(register, uscc(7))
    await lapsed(register, finding)
    await register.post(f"/shell-findings/{finding['id']}/undoing", WHY, owner(uscc(7)))
    found = [each for each in await named(register) if each[0].startswith("shell")]
    assert found == [(kind, site["domains"]) for kind in ("shell_found", "shell_lapsed", "shell_undone")]


async def test_what_came_of_a_review_is_told(register: Register) -> None:
    site = await consented(register)
    decision = await suspended(register, site)
    review = await opened(register)
    told = len(await named(register))
    await given(register, await subject_of(register, site), decision)
    await closed(register, review)
    assert (await named(register))[told:] == [
        ("review_opinion", site["domains"]), ("review_vetoed", site["domains"]),
    ]  # fmt: skip


async def test_a_merger_is_told_once_of_the_names_of_both(register: Register) -> None:
    two = await Two.of(register)
    told = len(await named(register))
    merger = await two.merged()
    await two.undone(merger)
    names = sorted(each["sites"][0]["domains"][0] for each in (two.new, two.old))
    assert (await named(register))[told:] == [
        (kind, names) for kind in ("merger_intended", "merged", "merger_undone")
    ]  # fmt: skip


async def test_very_many_names_are_told_in_several_facts(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acts_names, "AT_ONCE", 2)
    submitted = await register.submitted(a_site("a.example", domains=[f"{each}.example" for each in "abcde"]))
    await register.post(f"/registrations/{submitted['id']}/grant", GRANT, "regulator-a")
    assert [hosts for _, hosts in await named(register)] == [
        ["a.example", "b.example"], ["c.example", "d.example"], ["e.example"],
    ]  # fmt: skip
