"""What somebody says may be as long as a text can be: where it is told on it is shortened, and never lost."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from registry.service import effective, hosting, licences, shells
from shared.contracts import access, examples
from shared.contracts.base import LONGEST_REASONS
from shared.contracts.enforcement import AppealDecidedV1
from shared.contracts.grounds import ActRef, Grounds, Statement
from shared.contracts.notices import NoticeDocument, RegistryNoticeIssuedV1
from shared.contracts.quoting import ELLIPSIS
from tests.integration.registry import test_licences as licensing
from tests.integration.registry.conftest import Register, a_site, domain, owner, uscc
from tests.integration.registry.listing import record
from tests.integration.registry.test_checks import WRONG, provider, strict, waiting
from tests.integration.registry.test_effective import _granted as granted_ahead
from tests.integration.registry.test_preflights import barred
from tests.integration.registry.test_provider_keys import changed
from tests.integration.registry.test_registrar import ITEM, tasks
from tests.integration.registry.test_restore_hindered import about
from tests.integration.registry.test_reviews import WHY, opened
from tests.integration.registry.test_shells import finding_of, lapsed
from tests.support.people import OPERATOR_USCC

CODE, OTHER = uscc(823_100_001), uscc(823_100_002)
LONG = "说" * LONGEST_REASONS
"""As long as whoever must give reasons may make them."""

__all__ = ["strict"]


def names(of: str, count: int = 50) -> list[str]:
    """As many names as a site may have, each nearly as long as a name can be."""
    above = ".".join(["l" * 58, "o" * 60, "n" * 60])
    return [f"{number}-{above}.{of}" for number in range(count)]


async def told(register: Register, kind: str, to: str) -> Statement:
    """What the last notice of a kind says, read back as everybody who reads it does."""
    text = await register.fetchval(
        "SELECT document FROM notice WHERE kind = $1 AND identity = $2 ORDER BY id DESC LIMIT 1", kind, to
    )
    says = NoticeDocument.model_validate_json(text).says
    assert says is not None
    return says


def shortened(says: Statement, *ours: str) -> bool:
    """Whether it holds much of the words, says that it left something out, and all of our own."""
    whole = all(each in says.reasons for each in ours)
    return whole and says.reasons.count("说") > 6_000 and ELLIPSIS in says.reasons


HINDERED: list[tuple[type[access.OrderFact], dict[str, Any]]] = [
    (access.OrderImpossibleV1, {"reasons": LONG}), (access.OrderContestedV1, {"reasons": LONG}),
    (access.OrderOverdueV1, {"escalated": False}),
]  # fmt: skip


async def test_however_long_a_refusal_is_the_operator_hears_that_the_site_is_not_back(register: Register) -> None:
    site = await register.live(CODE)
    for kind, more in HINDERED:
        fact = about(kind, site, hosts=[*site["domains"], *names("shop.example")], **more)
        await register.hear(fact)
        assert await register.notices(fact.order_id) == [("restore_hindered", CODE)]
        says = await told(register, "restore_hindered", CODE)
        assert "have the site hosted elsewhere" in says.reasons
        assert " more again, and " in says.reasons, "so many names, and how many others"
        assert shortened(says) or "reasons" not in more


@pytest.mark.parametrize("kind", ["below", "same"])
async def test_an_overlap_with_long_grounds_and_long_names_can_be_read_and_challenged(
    register: Register, kind: str
) -> None:
    name = domain()
    site = (await register.active(a_site(name), CODE))["sites"][0]
    said = {"reasons": LONG, "public_reasons": LONG}
    decision = await register.decided(site, "cut_access", grounds=Grounds.model_validate(examples.GROUNDS | said))
    hit = [f"blog.{name}"] if kind == "below" else names(f"x.{name}")
    if kind == "same":
        assert decision.site is not None
        frozen = decision.site.model_copy(update={"hosts": (name, *hit)})
        decision = decision.model_copy(update={"decision_id": UUID(int=decision.decision_id.int + 1), "site": frozen})
        await register.hear(decision)
    await register.carried_out(decision)
    await register.active(a_site(hit[0], domains=hit), OTHER)
    says = await told(register, f"overlap_{kind}", OTHER)
    assert shortened(says, hit[0], "challenge")
    assert (" more, site " in says.reasons) is (kind == "same"), "so many names, and how many others"
    assert isinstance(says, Grounds)
    issued = [each for each in await register.told(RegistryNoticeIssuedV1) if each.act.kind == "overlap"]
    assert [each.grounds for each in issued] == [says], "enforcement reads the same, and takes an appeal"
    (found,) = (await register.get(f"/notices?about={issued[0].act.id}", owner(OTHER)))["items"]
    await register.get(f"/notices/{found['id']}", owner(OTHER))


async def test_why_the_desk_revoked_a_key_may_have_lines_and_be_long(register: Register) -> None:
    for reasons in ("It was stolen.\nThe provider said so by telephone.", "x" * 501, LONG):
        fact = changed(reasons=reasons)
        await register.hear(fact)
        says = await told(register, "provider_key_revoked", str(fact.provider_id))
        assert shortened(says, "becomes overdue", "complain") if reasons == LONG else reasons in says.reasons


async def test_a_long_report_of_the_registrar_reaches_the_operator(register: Register) -> None:
    await licensing.licensed(register)
    (task,) = await tasks(register, status="open")
    body = {"outcome": "registered", "reasons": LONG}
    await register.post(f"/registrar-tasks/{task['id']}/report", body, "registrar-a")
    assert shortened(await told(register, "registrar_report", OPERATOR_USCC), "registered: ")


async def test_a_renewal_that_is_asked_for_at_length_in_somebodys_name_is_told_to_them(register: Register) -> None:
    licence = await licensing.licensed(register)
    latest = licences.latest_day(register.api.rt, register.clock.now())
    body = {"valid_until": latest.isoformat(), "reasons": LONG}
    await register.post(f"/registrations/{licence['id']}/renewals", body, "regulator-a", 201)
    assert shortened(await told(register, "renewal_asked", OPERATOR_USCC), "who may withdraw it and ask for less.")


async def test_what_is_proposed_at_length_in_somebodys_name_is_told_to_them(register: Register) -> None:
    site = await register.live(CODE)
    await register.post(
        f"/sites/{site['id']}/amendments", {**a_site(site["domains"][0]), "name": "Another name", "reasons": LONG},
        "regulator-a", 201, headers={"If-Match": f'"{site["version"]}"'},
    )  # fmt: skip
    assert shortened(await told(register, "amendment_proposed", CODE), "who may withdraw it until it holds.")


async def test_what_a_provider_says_at_length_of_an_application_reaches_its_operator(strict: Register) -> None:
    await strict.submitted(a_site(domain()))
    (check,) = await waiting(strict, provider())
    await strict.post(f"/checks/{check['id']}/mismatch", {**WRONG, "reasons": LONG}, provider())
    assert shortened(await told(strict, "check_mismatch", OPERATOR_USCC), "says (addresses): ")


async def test_a_window_that_is_extended_at_length_is_told_to_whoever_is_asked(register: Register) -> None:
    review = await opened(register)
    more = {"authority_id": "drugs-110000", "until": review["closes_at"], "reasons": LONG}
    await register.post(f"/reviews/{review['id']}/windows", more, "regulator-a")
    assert shortened(await told(register, "review_opened", "drugs-110000"), "Annual review 2027. Until ")


async def test_a_lapse_falls_by_a_long_decision_also_where_many_names_are_anothers_by_now(register: Register) -> None:
    long = names(domain())
    site = await register.live(CODE, domains=long)
    await register.post(f"/sites/{site['id']}/accesses/{site['accesses'][0]['id']}/end", WHY, owner(CODE))
    await register.ring(hosting.IDLE, site["id"])
    await register.ring(hosting.CURE, (await finding_of(register, site))["id"])
    act = ActRef.model_validate((await lapsed(register, await finding_of(register, site)))["challenge"])
    register.clock.advance(shells.NAMES_KEPT + timedelta(seconds=1))
    await register.active(a_site(long[0], domains=long), OTHER)
    said = {"statement": {**examples.STATEMENT, "reasons": LONG, "public_reasons": LONG}, "outcome": "upheld"}
    await register.hear(
        AppealDecidedV1.model_validate({**AppealDecidedV1.EXAMPLE, "act": act, "act_id": act.id, **said})
    )
    assert (await register.get(f"/sites/{site['id']}", "auditor"))["status"] == "live"
    assert shortened(await told(register, "shell_undone", CODE), "Somebody else has ", " more by now.")


async def barred_with(register: Register, site: dict[str, Any]) -> None:
    """OTHER is on the barred list, and the names of its site with it."""
    await register.carried_out(await register.decided(site))
    await barred(register, OTHER)


async def test_what_no_longer_fits_for_many_reasons_goes_back_with_as_many_as_there_is_room_for(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = domain()
    await register.approve(OPERATOR_USCC, ITEM, name)
    site = (await register.active(a_site(name), OPERATOR_USCC))["sites"][0]
    waits = await granted_ahead(register, site, a_site(name, service_items=[ITEM]))
    await register.fetchval("UPDATE approval SET live = false RETURNING 1")
    # As many as for twenty accesses with fifty addresses each, all of them somebody else's by now.
    monkeypatch.setattr(effective, "_messages", lambda found: [LONG for _ in found])
    await register.ring(effective.EFFECT, waits["id"])
    assert shortened(await told(register, "amendment_returned", OPERATOR_USCC))


async def test_a_no_names_a_long_name_below_a_long_one_as_far_as_there_is_room(register: Register) -> None:
    above = f"{'a' * 40}.{names(domain(), 1)[0]}"
    await barred_with(register, (await register.active(a_site(above), OTHER))["sites"][0])
    answer = await register.post("/preflight", record(f"b.{above}"), provider())
    said = [each["message"] for each in answer["reasons"] if "lies under" in each["message"]]
    assert [(len(each), each.endswith(ELLIPSIS)) for each in said] == [(500, True)]


async def test_the_registers_words_are_what_they_were_where_nothing_is_long(register: Register) -> None:
    await licensing.licensed(register)
    (task,) = await tasks(register, status="open")
    await register.post(f"/registrar-tasks/{task['id']}/report", {"outcome": "changed", **WHY}, "registrar-a")
    assert (await told(register, "registrar_report", OPERATOR_USCC)).reasons == f"changed: {WHY['reasons']}"
