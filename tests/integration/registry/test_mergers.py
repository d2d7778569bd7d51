"""Two entries of one operator become one: previewed, heard, signed by two, told to both, and undone exactly."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from registry.service import mergers
from shared.contracts.grounds import ActRef, Service
from shared.contracts.http.mergers import ConfirmingMerger
from shared.contracts.registry import BarRecordedV1, SiteRecordedV1
from shared.runtime.acts import notices
from tests.integration.registry.conftest import (
    GRANT,
    STATEMENT,
    Register,
    a_site,
    domain,
    owner,
    uscc,
)
from tests.integration.registry.test_imports import record, sent
from tests.support.crash import survives
from tests.support.people import PEOPLE, person

NEW, OLD = uscc(81), uscc(82)
WHY = {"reasons": "The certificates show the same company."}
EIGHT_DAYS = timedelta(days=8)
TIME_TO_APPEAL = timedelta(days=70)
"""As it runs from when the notices count as delivered, and a little more."""


class Two:
    """A company under the code of today, and again under the one it had before; each with a filing here."""

    def __init__(self, register: Register, new: dict[str, Any], old: dict[str, Any]) -> None:
        self.register, self.new, self.old = register, new, old

    @classmethod
    async def of(cls, register: Register) -> "Two":
        return cls(register, await register.active(a_site(domain()), NEW), await register.active(a_site(domain()), OLD))

    async def preview(self, who: Any = "regulator-a") -> dict[str, Any]:
        path = f"/operators/{self.old['operator_id']}/merger-preview?into={self.new['operator_id']}"
        return await self.register.get(path, who)

    async def proposed(self, who: Any = "regulator-a", status: int = 201, **changes: Any) -> dict[str, Any]:
        body = {
            "survivor_id": self.new["operator_id"], "merged_id": self.old["operator_id"], "statement": STATEMENT,
            "preview_digest": "0" * 64 if changes else (await self.preview())["preview_digest"],
        } | changes  # fmt: skip
        return await self.register.post("/mergers", body, who, status)

    async def confirmed(self, merger: dict[str, Any], who: Any = "regulator-b", status: int = 200) -> dict[str, Any]:
        now = await self.register.get(f"/mergers/{merger['id']}", "regulator-a")
        body = {**WHY, "preview_digest": now["preview_digest"] or "0" * 64}
        return await self.register.post(f"/mergers/{merger['id']}/confirmation", body, who, status)

    async def merged(self) -> dict[str, Any]:
        merger = await self.proposed()
        await self.heard(merger)
        return await self.confirmed(merger)

    async def heard(self, merger: dict[str, Any]) -> None:
        """Neither opened its notice: they count as delivered, and the time to object is over."""
        self.register.clock.advance(EIGHT_DAYS)
        async with self.register.api.rt.db.transaction() as tx:
            for act in (UUID(merger["id"]), await _survivor_act(self.register, merger)):
                for notice in await notices.about(tx, act, "merger_intended"):
                    await notices.deem(self.register.api.rt, tx, notice.id)
        self.register.clock.advance(EIGHT_DAYS)

    async def undone(self, merger: dict[str, Any], outcome: str = "upheld", act: object = None) -> dict[str, Any]:
        about = ActRef(service=Service.REGISTRY, kind="merger", id=UUID(str(act or merger["id"])))
        await self.register.appealed(about, outcome)
        return await self.register.get(f"/mergers/{merger['id']}", "regulator-a")

    @property
    def site(self) -> dict[str, Any]:
        """The site of the older entry."""
        return dict(self.old["sites"][0])


@pytest.fixture
async def two(register: Register) -> Two:
    return await Two.of(register)


async def _everything(register: Register) -> dict[str, str]:
    """Whose everything is, and under which number."""
    async with register.api.rt.db.connection() as tx:
        return {
            table: await tx.fetchval(f"SELECT string_agg(t::text, '|' ORDER BY t::text) FROM ({sql}) t")
            for table, sql in {
                "registration": "SELECT id, operator_id, status, number FROM registration",
                "site": "SELECT id, registration_id, ordinal, status FROM site",
                "claim": "SELECT domain, site_id, operator_id, status FROM claim",
                "access": "SELECT id, operator_id, status FROM access",
                "amendment": "SELECT id, operator_id, registration_id, status FROM amendment",
                "execution": "SELECT id, operator_id, status FROM execution",
                "registrar_task": "SELECT id, operator_id, status FROM registrar_task",
                "succession": "SELECT predecessor_id, successor_id FROM succession",
            }.items()
        }


async def test_everything_of_the_one_is_the_others_and_its_old_number_leads_to_the_new(two: Two) -> None:
    register = two.register
    seen = (await two.preview())["preview"]
    assert (seen["sites"], seen["accesses"]) == (1, 1)
    assert [each["goes_under"] for each in seen["registrations"]] == [two.new["number"]]
    done = await two.merged()
    assert done["status"] == "confirmed"
    site = await register.get(f"/sites/{two.site['id']}", owner(NEW))
    assert (site["number"], site["operator_id"]) == (f"{two.new['number']}-2", two.new["operator_id"])
    ended = await register.get(f"/registrations/{two.old['id']}", owner(NEW))
    assert (ended["status"], ended["succeeded_by"]["number"]) == ("ended", two.new["number"])
    told = {each.site_id: each for each in await register.told(SiteRecordedV1)}[UUID(two.site["id"])]
    assert (told.operator.identity, told.number) == (NEW, site["number"])
    for act, code in ((done["id"], OLD), (await _survivor_act(register, done), NEW)):
        assert await register.notices(act) == [("merger_intended", code), ("merged", code)], "both are told"
    refused = await register.refused(
        "/registrations", {"operator_id": two.old["operator_id"], "site": a_site(domain())}, "regulator-a"
    )
    assert (refused["code"], refused["survivor_id"]) == ("operator_merged", two.new["operator_id"])


async def _survivor_act(register: Register, merger: dict[str, Any]) -> UUID:
    return UUID(str(await register.fetchval("SELECT survivor_act_id FROM merger WHERE id = $1::text::uuid",
                                            merger["id"])))  # fmt: skip


async def test_two_people_sign_the_same_preview_after_both_operators_were_heard(two: Two) -> None:
    register = two.register
    assert (await two.proposed(status=409, preview_digest="0" * 64))["code"] == "preview_changed"
    for who in ("shanghai-regulator-a", "drugs-a", owner(NEW), owner(OLD), "auditor"):
        await two.proposed(who, 403, preview_digest="0" * 64)
    merger = await two.proposed()
    assert (await two.proposed(status=409, preview_digest=merger["preview_digest"]))["code"] == "merger_pending"
    assert (await two.confirmed(merger, status=409))["code"] == "still_heard"
    stale = {**WHY, "preview_digest": merger["preview_digest"]}
    objected = await register.post(f"/mergers/{merger['id']}/objection", WHY, owner(OLD))
    assert [each["identity"] for each in objected["objections"]] == [OLD]
    await register.refused(f"/mergers/{merger['id']}/objection", WHY, owner(uscc(3)), 403)
    await two.heard(merger)
    unread = await register.refused(f"/mergers/{merger['id']}/confirmation", stale, "regulator-b")
    assert unread["code"] == "preview_changed", "whoever confirms has read what was said against it"
    assert (await two.confirmed(merger, "regulator-a", 409))["code"] == "second_person_required"
    for who in ("shanghai-regulator-a", owner(NEW), "drugs-a"):
        await two.confirmed(merger, who, 403)
    await two.confirmed(merger)
    assert (await two.confirmed(merger, "national-a", 409))["code"] == "action_refused"


async def test_they_stay_apart_if_the_regulator_says_so(two: Two) -> None:
    before = await _everything(two.register)
    merger = await two.proposed()
    await two.register.post(f"/mergers/{merger['id']}/withdrawal", WHY, "regulator-a")
    await two.heard(merger)
    assert (await two.confirmed(merger, status=409))["code"] == "action_refused"
    assert await _everything(two.register) == before
    assert (await two.proposed())["status"] == "proposed", "and may be asked again"


@pytest.mark.parametrize("by", ["merged", "survivor"])
@pytest.mark.parametrize("outcome", ["upheld", "overdue"])
async def test_an_appeal_of_either_gives_back_exactly_what_was_moved(two: Two, by: str, outcome: str) -> None:
    register, before = two.register, await _everything(two.register)
    done = await two.merged()
    assert await _everything(register) != before
    act = done["id"] if by == "merged" else await _survivor_act(register, done)
    undone = await two.undone(done, outcome, act)
    assert (undone["status"], undone["left_behind"]) == ("undone", [])
    assert await _everything(register) == before
    told = {each.site_id: each for each in await register.told(SiteRecordedV1)}[UUID(two.site["id"])]
    assert (told.operator.identity, told.number) == (OLD, two.site["number"])
    assert len(told.former_numbers) == 1, "the one that it had meanwhile"
    assert told.number not in told.former_numbers
    assert (await two.undone(done, outcome, act))["status"] == "undone", "twice is once"


async def test_a_rejected_appeal_changes_nothing(two: Two) -> None:
    done = await two.merged()
    assert (await two.undone(done, "rejected"))["status"] == "confirmed"


async def test_what_has_gone_on_since_is_left_and_said_so_and_what_came_to_it_since_goes_back(two: Two) -> None:
    register = two.register
    further = await register.post(f"/registrations/{two.old['id']}/sites", a_site(domain()), owner(OLD), 201)
    await register.post(f"/amendments/{further['id']}/grant", GRANT, "regulator-a")
    done = await two.merged()
    register.clock.advance(TIME_TO_APPEAL)
    changing = await register.propose(two.site, a_site(domain()), owner(NEW))
    await register.post(f"/sites/{further['site_id']}/deregistration", WHY, owner(NEW))
    undone = await two.undone(done)
    assert undone["left_behind"] == [further["site_id"]]
    assert (await register.get(f"/sites/{two.site['id']}", owner(OLD)))["number"] == two.site["number"]
    granted = await register.post(f"/amendments/{changing['id']}/grant", GRANT, "regulator-a")
    assert (granted["operator_id"], granted["status"]) == (two.old["operator_id"], "granted")


async def test_measures_and_bars_follow_and_never_vanish(two: Two) -> None:
    register = two.register
    stopped = await register.decided(two.site, "suspend_access", until="2027-03-01T00:00:00Z")
    await register.carried_out(stopped)
    bar = await register.decided(
        two.site, "bar", subject={"kind": "operator", "operator_id": two.old["operator_id"]}, site=None,
        until="2028-01-01T00:00:00Z",
    )  # fmt: skip
    await register.carried_out(bar)
    pending = await register.decided(two.site)
    seen = (await two.preview())["preview"]["executions"]
    assert {(each["effect"], each["status"]) for each in seen} == {
        ("suspend_access", "carried_out"), ("bar", "carried_out"), ("revoke", "received"),
    }  # fmt: skip
    done = await two.merged()
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE execution SET bar_from = $1 WHERE effect = 'bar'", register.clock.now())
    refused = await register.refused(
        "/registrations", {"operator_id": two.new["operator_id"], "kind": "licence", "site": a_site(domain())},
        "regulator-a",
    )  # fmt: skip
    assert [each["code"] for each in refused["grounds"]] == ["barred"]
    assert (await register.get(f"/sites/{two.site['id']}", owner(NEW)))["status"] == "stopped"
    assert (await register.carried_out(pending))["status"] == "carried_out", "decided about the old identity"
    await register.overturned(pending)
    await register.overturned(stopped)
    assert (await register.get(f"/sites/{two.site['id']}", owner(NEW)))["status"] == "live", "and restores exactly"
    await two.undone(done)
    other = {"operator_id": two.new["operator_id"], "kind": "licence", "site": a_site(domain())}
    await register.post("/registrations", other, "regulator-a", 201)
    mine = {"operator_id": two.old["operator_id"], "kind": "licence", "site": a_site(domain())}
    assert (await register.refused("/registrations", mine, "regulator-a"))["code"] == "not_admitted"


async def test_a_bar_that_has_not_begun_is_listed_by_no_merger_and_what_is_decided_is_told_to_neither(two: Two) -> None:
    register = two.register
    bar = await register.decided(
        two.site, "bar", subject={"kind": "operator", "operator_id": two.old["operator_id"]}, site=None,
        until="2029-01-01T00:00:00Z",
    )  # fmt: skip
    await register.carried_out(bar)
    merger = await two.merged()
    assert await register.fetchval("SELECT count(*) FROM barred_change") == 0
    for who in (owner(NEW), owner(OLD)):
        assert "executions" not in (await register.get(f"/mergers/{merger['id']}", who))["moved"]
    assert len((await register.get(f"/mergers/{merger['id']}", "regulator-a"))["moved"]["executions"]) == 1


async def test_the_barred_list_says_whom_a_bar_lies_on_by_now(two: Two) -> None:
    register = two.register
    bar = await register.decided(
        two.site, "bar", subject={"kind": "operator", "operator_id": two.old["operator_id"]}, site=None,
        until="2028-01-01T00:00:00Z",
    )  # fmt: skip
    await register.ring("bar_begins", (await register.carried_out(bar))["id"])

    async def listed() -> list[str]:
        return [each["identity"] for each in (await register.api.get("/barred-list")).json()["entries"]]

    assert await listed() == [OLD]
    done = await two.merged()
    assert await listed() == [NEW], "or the approval desk would know nothing of it"
    await two.undone(done)
    assert await listed() == [OLD]
    told = await register.told(BarRecordedV1)
    assert [(each.operator.identity, each.listed) for each in told] == [(OLD, True), (NEW, True), (OLD, True)]


async def test_what_is_granted_decided_or_imported_under_the_old_identity_finds_the_operator_that_stays(
    two: Two,
) -> None:
    register = two.register
    done = await two.merged()
    name = domain()
    await register.approve(OLD, "drugs_and_devices", name)
    further = await register.post(
        f"/registrations/{two.new['id']}/sites", a_site(name, service_items=["drugs_and_devices"]), owner(NEW), 201
    )
    await register.post(f"/amendments/{further['id']}/grant", GRANT, "regulator-a")
    bar = await register.decided(
        two.site, "bar", subject={"kind": "operator", "operator_id": two.old["operator_id"]}, site=None,
        until="2028-01-01T00:00:00Z",
    )  # fmt: skip
    whose = "SELECT operator_id::text FROM execution WHERE decision_id = $1"
    assert await register.fetchval(whose, bar.decision_id) == two.new["operator_id"]
    imported = await sent(register, [record(1, operator_uscc=OLD, domain=domain(), number=None)], "regulator-a")
    assert imported["accepted"] == 1, imported
    newest = (await register.told(SiteRecordedV1))[-1]
    assert (newest.operator.identity, newest.registration.number) == (NEW, two.new["number"])
    await two.undone(done)
    assert await register.fetchval(whose, bar.decision_id) == two.old["operator_id"], "it was decided about that one"


async def test_what_is_not_decided_yet_comes_first(two: Two) -> None:
    register = two.register
    merger = await two.proposed()
    changing = await register.propose(two.site, a_site(domain()), owner(OLD))
    await two.heard(merger)
    assert (await two.confirmed(merger, status=409))["amendment_id"] == changing["id"]
    await register.post(f"/amendments/{changing['id']}/withdrawal", WHY, owner(OLD))
    asked = await register.submitted(a_site(domain()), OLD, kind="licence")
    assert (await two.confirmed(merger, status=409))["undecided_id"] == asked["id"]


async def test_who_cannot_be_one(two: Two) -> None:
    register = two.register
    same = await two.proposed(status=409, merged_id=two.new["operator_id"])
    assert same["code"] == "not_the_same"
    done = await two.merged()
    third = await register.operator(uscc(83))
    chained = await two.proposed(status=409, survivor_id=two.old["operator_id"], merged_id=third)
    assert chained["code"] == "operator_merged"
    shanghai = await register.operator(uscc(84), "shanghai-regulator-a", region="310000")
    for who, status in (("regulator-a", 403), ("shanghai-regulator-a", 403), ("national-a", 409)):
        await two.proposed(who, status, merged_id=shanghai)
    assert done["status"] == "confirmed"


async def test_a_merger_while_an_amendment_is_granted_misses_nothing(two: Two) -> None:
    register = two.register
    merger = await two.proposed()
    new = domain()
    changing = await register.propose(two.site, a_site(new), owner(OLD))
    await two.heard(merger)
    now = await register.get(f"/mergers/{merger['id']}", "regulator-a")
    body = {**WHY, "preview_digest": now["preview_digest"]}
    grant, confirm, again = await asyncio.gather(
        register.api.post(f"/amendments/{changing['id']}/grant", json=GRANT, who="regulator-a"),
        register.api.post(f"/mergers/{merger['id']}/confirmation", json=body, who="regulator-b"),
        register.api.post(f"/mergers/{merger['id']}/confirmation", json=body, who="national-a"),
    )
    assert grant.status_code == 200, grant.text
    assert {confirm.status_code, again.status_code} <= {200, 409}
    assert (confirm.status_code, again.status_code) != (200, 200), "one of the two confirms, or none"
    site = await register.get(f"/sites/{two.site['id']}", "regulator-a")
    assert site["domains"] == [new]
    merged = 200 in {confirm.status_code, again.status_code}
    assert site["operator_id"] == (two.new if merged else two.old)["operator_id"]


async def test_a_kill_after_any_statement_of_a_confirmation_leaves_nothing(two: Two) -> None:
    rt = two.register.api.rt
    merger = await two.proposed()
    await two.heard(merger)
    body = ConfirmingMerger(**WHY, preview_digest=merger["preview_digest"])

    async def confirm() -> None:
        async with rt.db.transaction() as tx:
            await mergers.confirm(tx, rt, person("regulator-b"), UUID(merger["id"]), body)

    await survives(rt, confirm)


async def test_both_read_it_and_nobody_else_but_who_must(two: Two) -> None:
    merger = await two.proposed()
    for who in (owner(NEW), owner(OLD), "regulator-b", "national-a", "auditor"):
        assert [each["id"] for each in (await two.register.get("/mergers", who))["items"]] == [merger["id"]], who
    for who in (owner(uscc(3)), "shanghai-regulator-a", "drugs-a"):
        assert (await two.register.api.get(f"/mergers/{merger['id']}", who=who)).status_code == 403, who


@pytest.mark.parametrize("prover", ["regulator-b", "regulator-c"])
@pytest.mark.parametrize("side", ["merged", "survivor"])
async def test_whoever_proved_the_letter_that_told_them_does_not_sign_the_merger(
    two: Two, side: str, prover: str
) -> None:
    register, merger = two.register, await two.proposed()
    act = UUID(merger["id"]) if side == "merged" else await _survivor_act(register, merger)
    notice_id = await register.fetchval(
        "SELECT id FROM notice WHERE about_id = $1 AND kind = 'merger_intended' AND NOT is_copy", act
    )
    path = f"/notices/{notice_id}/postal-proof"
    proof = {"address": "1 Example Road", "tracking": "XA 1 CN", "delivered_on": "2026-11-26"}
    for who in ("regulator-a", ("regulator-x", {**PEOPLE["regulator-c"], "person": "regulator-a"})):
        assert (await register.refused(path, proof, who))["code"] == "second_person_required"
    await register.post(path, proof, "regulator-b")
    await register.post(f"{path}/confirmation", proof, "regulator-c")
    await two.heard(merger)
    assert (await two.confirmed(merger, prover, 409))["code"] == "second_person_required"
    assert "confirm" not in (await register.get(f"/mergers/{merger['id']}", prover))["allowed_actions"]
    fourth = ("regulator-d", PEOPLE["regulator-c"])
    assert (await two.confirmed(merger, fourth))["status"] == "confirmed"
