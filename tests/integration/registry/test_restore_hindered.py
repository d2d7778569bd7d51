"""That a provider does not host a site again as ordered: its operator is told, and nothing else follows (ADR 16)."""

from typing import Any
from uuid import UUID

import pytest

from shared.contracts import access
from shared.contracts.access import OrderExecutedV1, OrderImpossibleV1, OrderQueuedV1, OrderReleasedV1, OrderWithdrawnV1
from shared.contracts.grounds import ActRef, Service
from shared.contracts.notices import NoticeDocument
from shared.contracts.registry import MeasureOverlappedV1
from shared.runtime.base.ids import uuid7
from tests.integration.registry.conftest import (
    GRANT,
    OTHER_PROVIDER,
    PROVIDER,
    Register,
    a_site,
    domain,
    owner,
    uscc,
)
from tests.integration.registry.conftest import access as hosted_at
from tests.integration.registry.listing import ordered
from tests.integration.registry.test_measures import of_operator
from tests.support.crash import everything

CODE, OTHER, THIRD = uscc(822_100_001), uscc(822_100_002), uscc(822_100_003)
HINDERED = [
    (access.OrderImpossibleV1, {"reasons": "The site left us last week."}, "signed that it cannot. "),
    (access.OrderContestedV1, {"reasons": "This name was never ours."}, "objects. "),
    (access.OrderOverdueV1, {"escalated": False}, "has not signed that it does, by 20"),
]
FINE = [
    (access.OrderReceivedV1, {}), (access.OrderExecutedV1, {}), (access.OrderOverdueV1, {"escalated": True}),
    (access.OrderAnsweredV1, {"answer": "rejected"}), (access.OrderReleasedV1, {}),
]  # fmt: skip


def about(kind: type[access.OrderFact], site: dict[str, Any] | None, **more: Any) -> access.OrderFact:
    return kind.model_validate({
        **kind.EXAMPLE, "order_id": uuid7(), "provider_id": PROVIDER, "action": "restore",
        "site_id": site and site["id"], **more,
    })  # fmt: skip


@pytest.mark.parametrize(("kind", "more", "says"), HINDERED)
async def test_the_operator_of_a_site_that_should_be_back_is_told_what_hinders_it(
    register: Register, kind: type[access.OrderFact], more: dict[str, Any], says: str
) -> None:
    fact = about(kind, await register.live(CODE), **more)
    before = await everything(register.api.rt)
    await register.hear(fact)
    after = await everything(register.api.rt)
    assert await register.notices(fact.order_id) == [("restore_hindered", CODE)]
    (found,) = (await register.get(f"/notices?about={fact.order_id}", owner(CODE)))["items"]
    shown = await register.get(f"/notices/{found['id']}", owner(CODE))
    said = shown["notice"]["statement"]["reasons"]
    assert says in said
    assert "have the site hosted elsewhere" in said
    words = f"\nWhat it says:\n{more['reasons']}" if "reasons" in more else "to the register."
    assert said.endswith(words), "its words stand behind ours, and none of ours behind them"
    changed = {table for table in after if after[table] != before[table]}
    assert changed <= {"notice", "deadline", "delivery", "order_outcome"}, "nothing but the notice comes of it"


@pytest.mark.parametrize(("kind", "more"), FINE)
async def test_of_a_restore_that_is_on_its_way_or_done_there_is_nothing_to_tell(
    register: Register, kind: type[access.OrderFact], more: dict[str, Any]
) -> None:
    fact = about(kind, await register.live(CODE), **more)
    await register.hear(fact)
    assert await register.notices(fact.order_id) == []


@pytest.mark.parametrize("kind", [kind for kind, _, _ in HINDERED])
async def test_a_burden_that_its_provider_objects_to_is_between_it_and_the_issuer(
    register: Register, kind: type[access.OrderFact]
) -> None:
    fact = about(kind, await register.live(CODE), action="cut_off")
    await register.hear(fact)
    assert await register.notices(fact.order_id) == []


async def test_of_a_found_site_there_is_no_operator_to_tell(register: Register) -> None:
    fact = about(access.OrderImpossibleV1, None)
    await register.hear(fact)
    assert await register.notices(fact.order_id) == []


async def test_whoever_has_a_found_sites_name_by_now_is_told(register: Register) -> None:
    site = await register.live(CODE)
    fact = about(access.OrderImpossibleV1, None, hosts=site["domains"])
    await register.hear(fact)
    assert await register.notices(fact.order_id) == [("restore_hindered", CODE)]


async def test_whoever_has_the_longest_name_above_it_is_told_of_a_name_that_no_order_means(register: Register) -> None:
    """What a provider had suspended by itself goes back without a site, and without an execution (ADR 26, point 7)."""
    name = domain()
    await register.active(a_site(name), CODE)
    await register.active(a_site(f"www.{name}"), OTHER)
    for host, whose in ((f"a.www.{name}", OTHER), (f"blog.{name}", CODE), (f"www.{name}", OTHER)):
        fact = about(access.OrderImpossibleV1, None, hosts=[host], execution_id=uuid7())
        await register.hear(fact)
        assert await register.notices(fact.order_id) == [("restore_hindered", whose)], host


async def test_a_name_above_that_nobody_has_any_more_is_nobodys(register: Register) -> None:
    site = await register.live(CODE)
    await register.post(f"/sites/{site['id']}/deregistration", {"reasons": "We close the shop."}, owner(CODE))
    fact = about(access.OrderImpossibleV1, None, hosts=[f"www.{site['domains'][0]}"], execution_id=uuid7())
    await register.hear(fact)
    assert await register.notices(fact.order_id) == []


@pytest.mark.parametrize(("kind", "more", "says"), HINDERED)
async def test_a_gap_in_the_directory_keeps_no_operator_from_being_told(
    register: Register, kind: type[access.OrderFact], more: dict[str, Any], says: str
) -> None:
    site, known = await register.live(CODE), list(register.api.rt.directory)
    register.api.rt.directory.load([each for each in known if each.organisation_id != "industry-110000"])
    fact = about(kind, site, **more)
    await register.hear(fact)
    assert await register.notices(fact.order_id) == [("restore_hindered", CODE)], says
    text = await register.fetchval("SELECT document FROM notice WHERE about_id = $1", fact.order_id)
    assert NoticeDocument.model_validate_json(text).authority.level == "national", "the ministry says it"


class Cut:
    """A site of CODE that was cut at its two hosts, and what access-control says of its orders at the first."""

    def __init__(self, register: Register, site: dict[str, Any], execution: dict[str, Any]) -> None:
        self.register, self.site, self.execution = register, site, execution
        self.name = site["domains"][0]

    @classmethod
    async def carried_out(cls, register: Register) -> "Cut":
        accesses = [hosted_at(), hosted_at("198.18.0.12", provider=OTHER_PROVIDER)]
        site = await register.live(CODE, accesses=accesses)
        return cls(register, site, await register.carried_out(await register.decided(site, "cut_access")))

    async def orders(self, *facts: type[access.OrderFact], **more: Any) -> UUID:
        about = {"site_id": self.site["id"], "hosts": self.site["domains"]}
        return await ordered(self.register, self.execution, *facts, **about | more)

    async def hindered(self, undoes: UUID) -> list[str]:
        """Who is told that the order which takes this one back is not carried out."""
        back = {"action": "restore", "undoes": undoes}
        return [
            to for _, to in await self.register.notices(await self.orders(OrderReleasedV1, OrderImpossibleV1, **back))
        ]

    async def overlapped(self, name: str, code: str, provider: UUID = PROVIDER) -> dict[str, Any]:
        """Somebody else has a name that it hits."""
        site = a_site(name, accesses=[hosted_at("198.18.0.44", provider=provider)])
        return dict((await self.register.active(site, code))["sites"][0])


async def sold(register: Register, site_id: str, seller: str, under: str, buyer: str) -> None:
    now = await register.get(f"/sites/{site_id}", "regulator-a")
    proposed = await register.post(
        f"/sites/{site_id}/transfer", {"registration_id": under, "reasons": "The blog was sold."}, owner(seller), 201,
        headers={"If-Match": f'"{now["version"]}"'},
    )  # fmt: skip
    await register.post(f"/amendments/{proposed['id']}/consent", {}, owner(buyer))
    await register.post(f"/amendments/{proposed['id']}/grant", GRANT, "regulator-a")


async def test_who_was_spared_is_told_that_the_first_order_still_hits_them_and_nobody_else_is(
    register: Register,
) -> None:
    cut = await Cut.carried_out(register)
    first = await cut.orders(OrderReleasedV1, OrderExecutedV1)
    mine = await cut.overlapped(f"blog.{cut.name}", OTHER)
    await cut.overlapped(f"far.{cut.name}", uscc(822_100_004), OTHER_PROVIDER)
    second = await cut.orders(OrderReleasedV1, attempt=2)
    restore = await cut.orders(OrderReleasedV1, OrderImpossibleV1, action="restore", undoes=first)
    assert await register.notices(restore) == [("restore_hindered", OTHER)], "the site that is cut is to stay so"
    (found,) = (await register.get(f"/notices?about={restore}", owner(OTHER)))["items"]
    shown = str(await register.get(f"/notices/{found['id']}", owner(OTHER)))
    assert f"blog.{cut.name} of your site {mine['number']}" in shown
    assert "signed that it cannot" in shown
    assert await cut.hindered(second) == [CODE], "the second spared it from the start: it is about the cut site alone"


@pytest.mark.parametrize("instead", [(), (OrderQueuedV1,), (OrderReleasedV1, OrderWithdrawnV1)])
async def test_where_nothing_came_in_its_place_the_operator_of_the_site_is_told_as_well(
    register: Register, instead: tuple[type[access.OrderFact], ...]
) -> None:
    cut = await Cut.carried_out(register)
    first = await cut.orders(OrderReleasedV1, OrderExecutedV1)
    await cut.overlapped(f"blog.{cut.name}", OTHER)
    await cut.orders(OrderReleasedV1, provider_id=OTHER_PROVIDER)  # what another provider has stands in no place here
    await cut.orders(*instead, attempt=2)
    assert await cut.hindered(first) == [CODE, OTHER]


async def test_whoever_has_the_name_by_now_is_told_once_of_all_their_names_and_who_gave_it_up_is_not(
    register: Register,
) -> None:
    cut = await Cut.carried_out(register)
    first = await cut.orders(OrderReleasedV1, OrderExecutedV1)
    site = await cut.overlapped(f"blog.{cut.name}", OTHER)
    under = await register.active(a_site(domain()), THIRD)
    added = await register.post(f"/registrations/{under['id']}/sites", a_site(f"b.{cut.name}"), owner(THIRD), 201)
    await register.post(f"/amendments/{added['id']}/grant", GRANT, "regulator-a")
    gone = await cut.overlapped(f"gone.{cut.name}", uscc(822_100_005))
    changed = await register.propose(gone, a_site(domain()))
    await register.post(f"/amendments/{changed['id']}/grant", GRANT, "regulator-a")
    await sold(register, site["id"], OTHER, under["id"], THIRD)
    await cut.orders(OrderReleasedV1, attempt=2)
    restore = await cut.orders(OrderReleasedV1, OrderImpossibleV1, action="restore", undoes=first)
    assert await register.notices(restore) == [("restore_hindered", THIRD)]
    (found,) = (await register.get(f"/notices?about={restore}", owner(THIRD)))["items"]
    shown = str(await register.get(f"/notices/{found['id']}", owner(THIRD)))
    assert f"blog.{cut.name}" in shown
    assert f"b.{cut.name}" in shown


async def test_whoever_bought_a_name_of_whom_it_was_decided_about_was_spared_from_then_on(register: Register) -> None:
    cut = await Cut.carried_out(register)
    first = await cut.orders(OrderReleasedV1, OrderExecutedV1)
    added = await register.post(
        f"/registrations/{cut.site['registration_id']}/sites", a_site(f"www.{cut.name}"), owner(CODE), 201
    )
    mine = str((await register.post(f"/amendments/{added['id']}/grant", GRANT, "regulator-a"))["site_id"])
    under = await register.active(a_site(domain()), OTHER)
    await sold(register, mine, CODE, under["id"], OTHER)
    second = await cut.orders(OrderReleasedV1, attempt=2)
    assert await cut.hindered(first) == [OTHER]
    assert await cut.hindered(second) == [CODE]


async def given_away(register: Register) -> Cut:
    """A measure about two names, one of which is OTHER's by now."""
    kept, given = domain(), domain()
    site = (await register.active(a_site(kept), CODE))["sites"][0]
    decision = await register.decided(site, "cut_access")
    frozen = decision.site.model_copy(update={"hosts": (kept, given)})  # type: ignore[union-attr]
    decision = decision.model_copy(update={"decision_id": uuid7(), "site": frozen})
    await register.hear(decision)
    await register.active(a_site(given), OTHER)
    return Cut(register, site, await register.carried_out(decision))


async def test_whose_very_name_was_decided_about_is_told_where_it_is_to_be_back(register: Register) -> None:
    cut = await given_away(register)
    first = await cut.orders(OrderReleasedV1, OrderExecutedV1)
    assert await cut.hindered(first) == [CODE, OTHER]


async def test_whose_very_name_an_appeal_took_out_is_told_of_the_orders_before_that(register: Register) -> None:
    cut = await given_away(register)
    first = await cut.orders(OrderReleasedV1, OrderExecutedV1)
    second = await cut.orders(OrderReleasedV1, attempt=2)
    assert await cut.hindered(first) == [], "it is replaced, and hits them as before"
    (fact,) = await register.told(MeasureOverlappedV1)
    await register.appealed(ActRef(service=Service.REGISTRY, kind="overlap", id=fact.overlap_id), "upheld")
    third = await cut.orders(OrderReleasedV1, attempt=3)
    assert await cut.hindered(second) == [OTHER]
    assert await cut.hindered(third) == [CODE], "which the third spares"


async def test_whoever_has_a_name_above_a_found_site_is_told_as_who_has_the_very_name(register: Register) -> None:
    name = domain()
    subject = {"kind": "found_site", "host": f"www.{name}", "provider_id": PROVIDER}
    decision = of_operator("", subject=subject, effect="cut_access", operator=None, until=None)
    await register.hear(decision)
    done = await register.carried_out(decision)
    await register.active(a_site(name), OTHER)
    fact = about(access.OrderImpossibleV1, None, hosts=[f"www.{name}"], execution_id=done["id"])
    await register.hear(fact)
    assert await register.notices(fact.order_id) == [("restore_hindered", OTHER)]
