"""Whoever goes on under another identity reads and challenges what was said to the old one, while that stands."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from enforcement.main import SERVICE
from enforcement.store import sites as known_sites
from registry.main import SERVICE as REGISTER
from shared.contracts.enforcement import DecisionOverturnedV1
from shared.runtime.acts import notices
from shared.runtime.base.clock import FixedClock
from tests.integration.enforcement.acting import CODES, HOSTS, NOON, REVIEWERS, Row, World
from tests.integration.enforcement.conftest import EASED, Office
from tests.integration.registry.conftest import STATEMENT, Register, a_site, owner, uscc
from tests.support.fixtures import MakeDatabase
from tests.support.service import running_service

OLD, NEW = CODES
STRANGER: Final = uscc(960_000_009)
UPHELD: Final = {"outcome": "upheld", **EASED}
REJECTED: Final = {"outcome": "rejected", **EASED}
A_WHILE: Final = timedelta(days=16)
"""The notices of a merger count as delivered after a week, and both are heard for another one."""


class Story:
    """A measure about the site of one entry, which then goes on under the other."""

    def __init__(self, world: World) -> None:
        self.world, self.office, self.register = world, world.office, world.register

    async def row(self, table: str, **wanted: Any) -> Row:
        rows = (await self.world.look())[table]
        return next(each for each in reversed(rows) if all(each[name] == value for name, value in wanted.items()))

    async def refresh(self) -> None:
        """Each process has read again who goes on under whom."""
        for each in (self.office, self.register):
            async with each.api.rt.db.connection() as tx:
                await each.api.rt.directory.refresh(tx)

    async def decided(self, host: str = HOSTS[0], whose: str = OLD, remark: str | None = None) -> Row:
        """A decision about a site, released, with what a colleague said of the draft; of the old entry's, unless."""
        assert await self.world.open_case(host, "drugs-a") == 201
        case = await self.row("case", identity=whose)
        assert await self.world.draft(case, "suspend_access", "drugs-a", urgent=True) == 201
        drafted = await self.row("decision", case_id=case["id"])
        if remark is not None:
            await self.office.post(f"/decisions/{drafted['id']}/comment", {"reasons": remark}, "drugs-c")
        assert await self.world.release(drafted, "drugs-b") == 200
        await self.world.opens_mail()
        return await self.row("decision", case_id=case["id"])

    async def carried_out(self, decision: Row) -> None:
        for who in ("regulator-a", "regulator-b"):
            assert await self.world.sign(await self.row("execution", decision_id=decision["id"]), who) == 200

    async def proposed(self) -> Row:
        """A merger of the two, heard, that nobody confirmed."""
        new, old = await self.row("operator", identity=NEW), await self.row("operator", identity=OLD)
        assert await self.world.at_register(self.world.desk.propose_merger(new, old)) == 201
        await self.world.wait(A_WHILE)
        await self.refresh()
        return await self.row("merger")

    async def merged(self) -> Row:
        merger = await self.proposed()
        assert await self.world.at_register(self.world.desk.decide_merger(merger, "confirmation")) == 200
        await self.refresh()
        return merger

    async def parted(self, merger: Row) -> None:
        """The old entry appeals against the merger, and is right."""
        filed = await self.appeal(merger_act(merger["id"]), OLD)
        await self.decide(filed, UPHELD)
        assert (await self.row("merger"))["status"] == "undone"

    async def appeal(self, act: Any, code: str) -> dict[str, Any]:
        body = {"act": act, "grounds": "It was never so, as the annex shows."}
        return await self.office.post("/appeals", body, owner(code), 201)

    async def decide(self, appeal: dict[str, Any], outcome: Any, by: Any = None) -> None:
        who = by or {"review": "review-national-a", "review-110000": "review-a"}[appeal["body"]["id"]]
        await self.office.post(f"/appeals/{appeal['id']}/decision", outcome, who)
        await self.world.pump()
        await self.refresh()

    async def refused(self, method: str, path: str, code: str, body: Any = None) -> tuple[int, str]:
        answer = await self.office.api.request(method, path, json=body, who=owner(code))
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["code"]

    async def told(self, code: str, service: Office | Register | None = None) -> list[dict[str, Any]]:
        """What somebody's inbox shows, oldest first."""
        shown = await (service or self.office).get("/notices?limit=100", owner(code))
        return list(shown["items"][::-1])


def act_of(decision: Row) -> dict[str, Any]:
    return {"service": "enforcement", "kind": "decision", "id": decision["id"]}


def merger_act(act_id: str) -> dict[str, Any]:
    return {"service": "registry", "kind": "merger", "id": act_id}


@pytest.fixture
async def story(make_database: MakeDatabase, tmp_path: Path) -> AsyncIterator[Story]:
    clock = FixedClock(NOON)
    keys: dict[str, Any] = {"signing_keys_generate": True, "signing_keys_file": tmp_path / "keys.json"}
    more: dict[str, Any] = {**keys, "evidence_store": tmp_path / "evidence"}
    desk: dict[str, Any] = {**keys, "identity_key": "k" * 40, "profile": "cn-2006-demo"}
    async with (
        running_service(SERVICE, await make_database("enforcement"), clock=clock, **more) as enforcement,
        running_service(REGISTER, await make_database("registry"), clock=clock, **desk) as register,
    ):
        world = World(Office(enforcement, clock), Register(register, clock))
        await world.begin()
        yield Story(world)


async def test_decided_about_the_old_read_and_won_by_the_new_and_not_read_after_a_parting(story: Story) -> None:
    office = story.office
    decision = await story.decided()
    await story.carried_out(decision)
    path = f"/decisions/{decision['id']}"
    assert await story.refused("GET", path, NEW) == (403, "out_of_scope")
    assert await story.told(NEW) == []
    merger = await story.merged()

    shown = await office.get(path, owner(NEW))
    assert shown["status"] == "executed"
    assert "appeal" in shown["allowed_actions"]
    (piece,) = (await office.get(f"{path}/evidence", owner(NEW)))["evidence"]
    assert (await office.api.get(f"/evidence/{piece['sha256']}", who=owner(NEW))).status_code == 200
    assert (await office.get(f"/cases/{decision['case_id']}/timeline", owner(NEW)))["items"]
    letters = {each["kind"]: each for each in await story.told(NEW)}
    assert {"decision_intended", "decision_released"} <= letters.keys()
    opened = await office.get(f"/notices/{letters['decision_released']['id']}", owner(NEW))
    assert (opened["notice"]["to"]["identity"], len(opened["openings"])) == (OLD, 1)

    filed = await story.appeal(act_of(decision), NEW)
    assert filed["appellant"]["identity"] == OLD
    assert (await office.get(f"/appeals/{filed['id']}", owner(NEW)))["status"] == "open"
    assert [each["id"] for each in (await office.get("/appeals", owner(NEW)))["items"]] == [filed["id"]]
    paper = await office.api.post(
        f"/appeals/{filed['id']}/papers?title=Letter", content=b"The consent.", who=owner(NEW),
        headers={"Content-Type": "text/plain"},
    )  # fmt: skip
    assert (paper.status_code, paper.json()["side"]) == (201, "appellant")
    assert (await office.api.get(f"/appeals/{filed['id']}/papers/{paper.json()['sha256']}", who=owner(NEW))).is_success
    again = {"act": act_of(decision), "grounds": "It was never so, as the annex shows."}
    for code in (OLD, NEW):
        assert await story.refused("POST", "/appeals", code, again) == (409, "appeal_pending"), "once is once"
    await story.decide(filed, UPHELD)
    assert len(await office.told(DecisionOverturnedV1)) == 1
    execution = await story.row("execution", decision_id=decision["id"])
    assert (execution["status"], execution["undone_because"]) == ("undone", "overturned")
    assert (await story.row("site", id=decision["site_id"]))["status"] == "live"
    assert "appeal_decided" in {each["kind"] for each in await story.told(NEW)}

    await story.parted(merger)
    for gone in (path, f"/appeals/{filed['id']}", f"{path}/evidence"):
        assert (await story.refused("GET", gone, NEW))[0] == 403, gone
    assert (await story.refused("GET", f"/cases/{decision['case_id']}/timeline", NEW))[0] == 404
    assert (await story.refused("GET", f"/notices/{letters['decision_released']['id']}", NEW))[0] == 404
    assert (await office.get("/appeals", owner(NEW)))["items"] == []
    assert [each for each in await story.told(NEW) if each["to"]["identity"] == OLD] == []
    assert (await office.get(path, owner(OLD)))["status"] == "overturned", "whose it was has it as before"


async def test_what_the_register_refused_the_old_entry_the_new_one_reads_and_wins(story: Story) -> None:
    register = story.register
    asked = await register.submitted(a_site("other.example"), OLD, kind="licence")
    await register.post(f"/registrations/{asked['id']}/refusal", {"statement": STATEMENT}, "regulator-a")
    operator = await story.row("operator", identity=OLD)
    paths = [f"/operators/{operator['id']}"]
    merger = await story.merged()
    letters = [each for each in await story.told(OLD, register) if "merge" not in each["kind"]]
    assert letters
    paths += [f"/notices/{each['id']}" for each in letters]
    for path in paths:
        assert (await register.api.get(path, who=owner(NEW))).status_code == 200, path
    elsewhere = await register.api.post(
        f"{paths[0]}/address-for-service", json={"email": "office@two.example"}, who=owner(NEW),
        headers={"If-Match": '"1"'},
    )  # fmt: skip
    assert elsewhere.status_code == 403, "its letters go on to where it said"
    (refused,) = [each for each in letters if each["about"]["kind"] == "refusal"]
    filed = await story.appeal(refused["about"], NEW)
    await story.decide(filed, UPHELD)
    assert (await register.get(f"/registrations/{asked['id']}", owner(NEW)))["status"] == "submitted"
    await story.parted(merger)
    for path in paths:
        assert (await register.api.get(path, who=owner(NEW))).status_code in {403, 404}, path


async def test_a_merger_that_nobody_confirmed_or_of_others_gives_nothing(story: Story) -> None:
    decision = await story.decided()
    path, body = f"/decisions/{decision['id']}", {"act": act_of(decision), "grounds": "It was never so, as shown."}
    await story.proposed()
    for code in (NEW, STRANGER):
        assert await story.refused("GET", path, code) == (403, "out_of_scope")
        assert await story.refused("POST", "/appeals", code, body) == (404, "unknown_act")
        assert await story.told(code) == []
    confirming = story.world.desk.decide_merger(await story.row("merger"), "confirmation")
    assert await story.world.at_register(confirming) == 200
    await story.refresh()
    assert await story.refused("GET", path, STRANGER) == (403, "out_of_scope")
    provider = ("provider", {"organisation": NEW, "roles": ["access_provider"]})
    assert (await story.office.api.get(path, who=provider)).status_code == 403, "an operator took it over, no provider"
    assert (await story.office.api.get(path, who=owner(NEW))).status_code == 200


async def test_of_the_merger_itself_each_of_the_two_hears_and_answers_for_itself(story: Story) -> None:
    """Or the survivor could let the other's time run, appeal in its name, and lose."""
    office, register = story.office, story.register
    merger = await story.merged()
    act = merger_act(merger["id"])
    (letter,) = [each for each in await story.told(OLD, register) if each["kind"] == "merged"]
    assert {each["to"]["identity"] for each in await story.told(NEW, register) if "merge" in each["kind"]} == {NEW}
    assert (await register.api.get(f"/notices/{letter['id']}", who=owner(NEW))).status_code == 404
    body = {"act": act, "grounds": "It was never so, as the annex shows."}
    assert await story.refused("POST", "/appeals", NEW, body) == (404, "unknown_act")
    filed = await story.appeal(act, OLD)
    for path in (f"/appeals/{filed['id']}", f"/appeals/{filed['id']}/papers"):
        assert (await story.refused("GET", path, NEW))[0] == 403, path
    assert (await office.get("/appeals", owner(NEW)))["items"] == []
    handed = await office.api.post(
        f"/appeals/{filed['id']}/papers?title=Letter", content=b"We are one.", who=owner(NEW),
        headers={"Content-Type": "text/plain"},
    )  # fmt: skip
    assert handed.status_code == 403
    withdrawal = f"/appeals/{filed['id']}/withdrawal"
    assert (await story.refused("POST", withdrawal, NEW, {"reasons": "We are one."}))[0] == 403
    own = await story.appeal(merger_act(merger["survivor_act_id"]), NEW)
    await story.decide(own, REJECTED)
    await story.decide(filed, REJECTED)
    assert [each["to"]["identity"] for each in await story.told(NEW) if each["kind"] == "appeal_decided"] == [NEW]
    assert [each["to"]["identity"] for each in await story.told(OLD) if each["kind"] == "appeal_decided"] == [OLD]


async def test_the_survivor_reads_a_decision_as_a_party_does_and_no_more(story: Story) -> None:
    decision = await story.decided(remark="Is this known to be so?")
    await story.merged()
    officials, ours = [await story.office.get(f"/decisions/{decision['id']}", who) for who in ("drugs-b", owner(NEW))]
    assert officials["remarks"]
    assert officials["since_draft"]
    assert officials["preview"]["neighbours"]
    assert (ours["remarks"], ours["since_draft"], ours["preview"]["neighbours"]) == ([], None, [])
    assert (await story.office.api.get(f"/cases/{decision['case_id']}", who=owner(NEW))).status_code == 403


async def test_the_survivor_lets_be_what_it_filed_itself_and_nothing_else(story: Story) -> None:
    decision = await story.decided()
    why = {"reasons": "We let it be, since it is over."}
    filed = await story.appeal(act_of(decision), OLD)
    await story.merged()
    path = f"/appeals/{filed['id']}/withdrawal"
    seen = await story.office.get(f"/appeals/{filed['id']}", owner(NEW))
    assert "withdraw" not in seen["allowed_actions"]
    assert await story.refused("POST", path, NEW, why) == (403, "out_of_scope")
    assert (await story.office.post(path, why, owner(OLD)))["status"] == "withdrawn"
    filed = await story.appeal(act_of(decision), NEW)
    path = f"/appeals/{filed['id']}/withdrawal"
    assert (await story.office.post(path, why, owner(NEW)))["status"] == "withdrawn"


@pytest.mark.parametrize("parted", [False, True])
async def test_what_a_stranger_lost_in_its_name_takes_nothing_from_it(story: Story, *, parted: bool) -> None:
    decision = await story.decided()
    merger = await story.merged()
    lost = await story.appeal(act_of(decision), NEW)
    await story.decide(lost, REJECTED)
    body = {"act": act_of(decision), "grounds": "Nobody asked us, and we know better."}
    if not parted:
        assert await story.refused("POST", "/appeals", OLD, body) == (409, "appeal_pending"), "once is once"
        return
    await story.parted(merger)
    assert await story.refused("POST", "/appeals", NEW, body) == (404, "unknown_act")
    again = await story.office.post("/appeals", body, owner(OLD), 201)
    assert again["status"] == "open"
    assert await story.refused("POST", "/appeals", OLD, body) == (409, "appeal_pending"), "and then once"


async def test_an_appeal_that_is_open_when_they_part_is_whose_act_it_was(story: Story) -> None:
    decision = await story.decided()
    merger = await story.merged()
    filed = await story.appeal(act_of(decision), NEW)
    await story.parted(merger)
    path, why = f"/appeals/{filed['id']}/withdrawal", {"reasons": "It is not ours, and we let it be."}
    assert (await story.refused("GET", f"/appeals/{filed['id']}", NEW))[0] == 403
    assert await story.refused("POST", path, NEW, why) == (403, "out_of_scope")
    assert (await story.office.get(f"/appeals/{filed['id']}", owner(OLD)))["status"] == "open"
    assert (await story.office.post(path, why, owner(OLD)))["status"] == "withdrawn"


async def test_what_is_said_after_the_merger_reaches_the_survivor_and_counts_as_delivered(story: Story) -> None:
    decision = await story.decided()
    operator = await story.row("operator", identity=NEW)
    version = await story.register.fetchval("SELECT version FROM operator WHERE id = $1", UUID(operator["id"]))
    await story.register.post(
        f"/operators/{operator['id']}/address-for-service", {"email": "office@two.example"}, owner(NEW),
        headers={"If-Match": f'"{version}"'},
    )  # fmt: skip
    merger = await story.merged()
    await story.office.post(f"/decisions/{decision['id']}/lift", EASED, "drugs-b")
    async with story.office.api.rt.db.connection() as tx:
        (lifted,) = await notices.about(tx, UUID(decision["id"]), "decision_lifted")
        sent = await notices.deliveries(tx, [lifted.id])
    assert [each.address for each in sent] == ["office@two.example"]
    assert (lifted.identity, lifted.delivered_at) == (OLD, None)
    assert (await story.office.api.get(f"/notices/{lifted.id}", who=owner(STRANGER))).status_code == 404
    shown = await story.office.get(f"/notices/{lifted.id}", owner(NEW))
    assert (shown["delivered_by"], shown["openings"][0]["name"]) == ("inbox", "Applicant")
    filed = await story.appeal(merger_act(merger["id"]), OLD)
    await story.decide(filed, REJECTED)
    async with story.office.api.rt.db.connection() as tx:
        (outcome,) = await notices.about(tx, UUID(filed["id"]), "appeal_decided")
        assert await notices.deliveries(tx, [outcome.id]) == [], "of the merger itself nothing goes to the other"
        found = await known_sites.of_operator(tx, OLD)
        assert found is not None
        assert found.operator.identity == NEW
        assert await known_sites.of_operator(tx, OLD, itself=True) is None


async def test_calendars_show_what_was_told_to_the_old_and_nothing_of_the_merger(story: Story) -> None:
    decision = await story.decided()
    merger = await story.merged()
    address = (await story.office.api.put("/inbox/calendar-address", who=owner(NEW))).json()["url"]
    private = "/inbox" + address.partition("/inbox")[2]
    for path, who in (("/inbox/deadlines.ics", owner(NEW)), (private, None)):
        assert decision["id"] in (await story.office.api.get(path, who=who)).text
    ours = (await story.register.api.get("/inbox/deadlines.ics", who=owner(NEW))).text
    assert merger["id"] not in ours
    assert merger["survivor_act_id"] in ours


async def test_a_look_by_who_took_over_leaves_a_trace_and_subscriptions_stay_whose_they_are(story: Story) -> None:
    office = story.office
    decision = await story.decided()
    filed = await story.appeal(act_of(decision), OLD)
    body = {"host": "elsewhere.example", "method": "dns", "email": "a@elsewhere.example"}
    made = await office.post("/name-subscriptions", body, owner(OLD), 201)
    await story.merged()
    await office.get(f"/appeals/{filed['id']}", owner(NEW))
    trace = "SELECT count(*) FROM audit WHERE act = 'read_appeal' AND organisation = $1 AND outcome = 'granted'"
    assert await office.fetchval(trace, NEW) == 1
    assert await office.fetchval(trace, OLD) == 0
    assert (await office.get("/name-subscriptions", owner(NEW)))["items"] == []
    assert (await story.refused("GET", f"/name-subscriptions/{made['id']}", NEW))[0] in {403, 404}


@pytest.mark.parametrize("appealed", ["not", "lost", "open"])
async def test_what_is_decided_meanwhile_about_what_goes_back_is_whose_that_is_again(
    story: Story, appealed: str
) -> None:
    """Or a merger that fell would leave a measure on a site whose operator can neither read nor challenge it."""
    office = story.office
    merger = await story.merged()
    other = await story.decided(HOSTS[1], NEW)
    decision = await story.decided(HOSTS[0], NEW)
    await story.carried_out(decision)
    path, body = f"/decisions/{decision['id']}", {"act": act_of(decision), "grounds": "It was never so, as shown."}
    assert await story.refused("GET", path, OLD) == (403, "out_of_scope"), "it goes on under the other"
    filed = await story.appeal(act_of(decision), NEW) if appealed != "not" else None
    if appealed == "lost" and filed is not None:
        await story.decide(filed, REJECTED)
    await story.parted(merger)
    assert await story.refused("GET", path, NEW) == (403, "out_of_scope")
    its_own = f"/decisions/{other['id']}"
    assert (await office.get(its_own, owner(NEW)))["status"] == "released"
    assert await story.refused("GET", its_own, OLD) == (403, "out_of_scope")
    assert (await office.get(path, owner(OLD)))["status"] == "executed"
    (letter,) = [each for each in await story.told(OLD) if each["kind"] == "decision_released"]
    assert letter["delivered_at"] is None, "its time runs from when it is told, whenever the other was"
    await story.world.wait(timedelta(days=63))
    if filed is not None and appealed == "open":
        assert await story.refused("POST", "/appeals", OLD, body) == (409, "appeal_pending")
        assert await story.refused("GET", f"/appeals/{filed['id']}", NEW) == (403, "out_of_scope")
        filed = await office.get(f"/appeals/{filed['id']}", owner(OLD))
    else:
        filed = await office.post("/appeals", body, owner(OLD), 201)
        assert filed["status"] == "open", "in its own time"
    # Whoever said no to the other appeal against it does not review it again.
    await story.decide(filed, UPHELD, REVIEWERS["review-b"])
    assert (await office.get(path, owner(OLD)))["status"] == "overturned"


async def test_a_draft_of_which_the_other_was_told_is_not_released_when_it_goes_back(story: Story) -> None:
    merger = await story.merged()
    assert await story.world.open_case(HOSTS[0], "drugs-a") == 201
    case = await story.row("case", identity=NEW)
    assert await story.world.draft(case, "suspend_access", "drugs-a", urgent=False) == 201
    await story.world.opens_mail()
    await story.parted(merger)
    drafted = await story.row("decision", case_id=case["id"])
    signed = await story.office.signature(drafted["id"])
    refused = await story.office.refused(f"/decisions/{drafted['id']}/release", signed, "drugs-b")
    assert refused == (409, "notice_not_delivered"), "nobody told whom it would burden"


# --- what only a stranger was told of, and what only a stranger wrote ------------------------------------------------


async def hand_in(story: Story, appeal: dict[str, Any], code: str, what: bytes, confidential: str | None = None) -> str:
    query = f"&confidential={confidential}" if confidential else ""
    path = f"/appeals/{appeal['id']}/papers?title=Paper{query}"
    answer = await story.office.api.post(path, content=what, who=owner(code), headers={"Content-Type": "text/plain"})
    assert answer.status_code == 201, answer.text
    return f"/appeals/{appeal['id']}/papers/{answer.json()['sha256']}"


async def reads(story: Story, path: str, who: Any) -> tuple[int, str]:
    answer = await story.office.api.get(path, who=who)
    return answer.status_code, answer.text if answer.status_code == 200 else answer.json()["code"]


@pytest.mark.parametrize("whose", ["about the survivor", "about the old"])
async def test_a_confidential_paper_stays_whose_it_is_when_its_appeal_passes_to_somebody_else(
    story: Story, whose: str
) -> None:
    if whose == "about the old":
        decision = await story.decided()
        merger = await story.merged()
    else:
        merger = await story.merged()
        decision = await story.decided(HOSTS[0], NEW)
    filed = await story.appeal(act_of(decision), NEW)
    secret = await hand_in(story, filed, NEW, b"Our customers.", "They are nobody's business.")
    public = await hand_in(story, filed, NEW, b"Our letter.")
    for path in (secret, public):
        assert (await reads(story, path, owner(NEW)))[0] == 200
    await story.parted(merger)
    assert (await story.office.get(f"/appeals/{filed['id']}", owner(OLD)))["status"] == "open"
    assert await reads(story, secret, owner(OLD)) == (403, "paper_withheld"), "it is a stranger by now"
    assert await reads(story, public, owner(OLD)) == (200, "Our letter.")
    for path in (secret, public):
        assert (await reads(story, path, owner(NEW)))[0] == 200, "and who wrote it reads it"
        assert (await reads(story, path, "review-a"))[0] == 200
        assert (await reads(story, path, owner(STRANGER)))[0] == 403
    assert await reads(story, secret, "drugs-a") == (403, "paper_withheld")
    own = await hand_in(story, filed, OLD, b"Its own.", "It is nobody's business.")
    assert (await reads(story, own, owner(OLD)))[0] == 200
    assert (await reads(story, own, owner(NEW)))[0] == 403


async def test_a_confidential_paper_is_read_by_who_takes_its_author_over_but_not_about_the_merger(
    story: Story,
) -> None:
    decision = await story.decided()
    filed = await story.appeal(act_of(decision), OLD)
    secret = await hand_in(story, filed, OLD, b"Our customers.", "They are nobody's business.")
    assert (await reads(story, secret, owner(NEW)))[0] == 403
    merger = await story.merged()
    assert (await reads(story, secret, owner(NEW)))[0] == 200
    about_it = await story.appeal(merger_act(merger["id"]), OLD)
    own = await hand_in(story, about_it, OLD, b"We are two.", "It is nobody's business.")
    assert (await reads(story, own, owner(OLD)))[0] == 200
    assert await reads(story, own, owner(NEW)) == (403, "out_of_scope"), "there each answers for itself"


async def test_what_an_earlier_program_took_in_without_saying_for_whom_no_side_reads(story: Story) -> None:
    decision = await story.decided()
    filed = await story.appeal(act_of(decision), OLD)
    secret = await hand_in(story, filed, OLD, b"Our customers.", "They are nobody's business.")
    public = await hand_in(story, filed, OLD, b"Our letter.")
    async with story.office.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE appeal_paper SET handed_for = NULL")
    assert (await reads(story, secret, owner(OLD)))[0] == 403
    assert (await reads(story, secret, "review-a"))[0] == 200
    assert (await reads(story, public, owner(OLD)))[0] == 200


@pytest.mark.parametrize("opened", ["by the other", "by whom it burdens", "too late"])
async def test_an_urgent_measure_has_a_day_to_reach_whom_it_burdens_after_a_parting(story: Story, opened: str) -> None:
    merger = await story.merged()
    decision = await story.decided(HOSTS[0], NEW)  # the other opens it
    await story.carried_out(decision)
    await story.world.wait(timedelta(hours=30))
    assert (await story.row("decision", id=decision["id"]))["status"] == "executed"
    await story.parted(merger)
    if opened == "by whom it burdens":
        (letter,) = [each for each in await story.told(OLD) if each["kind"] == "decision_released"]
        await story.world.wait(timedelta(hours=23))
        await story.office.get(f"/notices/{letter['id']}", owner(OLD))
    await story.world.wait(timedelta(hours=25))
    if opened == "too late":
        await story.world.opens_mail()
        await story.world.wait(timedelta(days=2))
    found = await story.row("decision", id=decision["id"])
    if opened == "by whom it burdens":
        assert found["status"] == "executed"
        return
    assert (found["status"], found["suspended_because"]) == ("suspended", "notice_late")
    assert (await story.row("execution", decision_id=decision["id"]))["status"] == "undone"


async def order_of(story: Story, case: Row, days: float) -> Row:
    by = (story.world.now + timedelta(days=days)).isoformat()
    cited = [await story.world.file(case["id"], "For it", "drugs-a")]
    body = {"effect": "correct", "statement": STATEMENT, "correct_by": by, "evidence_hashes": cited}
    assert await story.world.ask(f"/cases/{case['id']}/decisions", body, "drugs-a") == 201
    assert await story.world.release(await story.row("decision", case_id=case["id"]), "drugs-b") == 200
    await story.world.opens_mail()
    return await story.row("decision", case_id=case["id"])


async def test_an_order_that_is_told_anew_after_a_parting_leaves_time_from_then(story: Story) -> None:
    merger = await story.merged()
    assert await story.world.open_case(HOSTS[0], "drugs-a") == 201
    order = await order_of(story, await story.row("case", identity=NEW), 2)
    await story.world.wait(timedelta(days=3))
    await story.parted(merger)
    assert await story.world.correction(order, "drugs-b", obeyed=False) == 409, "nobody told whom it burdens"
    await story.world.opens_mail()
    assert await story.world.correction(order, "drugs-b", obeyed=False) == 422, "it has time from now"
    (letter,) = [each for each in await story.told(OLD) if each["kind"] == "decision_released"]
    shown = await story.office.get(f"/decisions/{order['id']}", owner(OLD))
    assert shown["correct_by"] == letter["answer_by"] > order["correct_by"]
    assert shown["notice"]["notice_id"] == letter["id"], "what it was told, and not the other"
    await story.world.wait(timedelta(days=2))
    assert await story.world.correction(order, "drugs-b", obeyed=False) == 200


async def test_what_a_stranger_ignored_is_not_ignored_by_whom_an_order_burdens_after_a_parting(story: Story) -> None:
    merger = await story.merged()
    assert await story.world.open_case(HOSTS[0], "drugs-a") == 201
    case = await story.row("case", identity=NEW)
    order = await order_of(story, case, 2)
    await story.world.wait(timedelta(days=3))
    assert await story.world.correction(order, "drugs-b", obeyed=False) == 200
    assert await story.world.draft(case, "cut_access", "drugs-a", urgent=False) == 201
    await story.world.opens_mail()
    await story.world.wait(timedelta(days=9))
    cut = await story.row("decision", case_id=case["id"])
    assert await story.world.release(cut, "drugs-b") == 200
    await story.world.opens_mail()
    await story.carried_out(cut)
    await story.parted(merger)
    for each in (order, cut):
        found = await story.row("decision", id=each["id"])
        assert (found["status"], found["suspended_because"]) == ("suspended", "basis_fell")
    assert (await story.row("execution", decision_id=cut["id"]))["status"] == "undone"
    assert [each["kind"] for each in await story.told(OLD)].count("decision_suspended") == 2
