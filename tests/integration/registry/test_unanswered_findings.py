"""When the time of a finding is over: looked at again, escalated together, disputed, kept; and not in an outage."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from registry.consumer import DEADLINES
from registry.service import escalating, reconciling
from shared.contracts.access import OrderExecutedV1, OrderReleasedV1
from shared.contracts.hosted import FindingClosedV1, FindingDisputedV1, FindingEscalatedV1, FindingKeptV1
from tests.integration.registry.conftest import (
    OTHER_PROVIDER,
    PROVIDER,
    Register,
    a_site,
    access,
    domain,
    provider_recorded,
    uscc,
)
from tests.integration.registry.listing import WHY, Sender, ordered, record
from tests.support.crash import survives

SAID = {"reasons": "The register has no site with this name, and none was asked for."}
DUE = "SELECT max(due_at) FROM deadline WHERE kind = $1 AND aggregate_id = $2 AND met_at IS NULL"


async def closed(register: Register) -> None:
    await register.hear(provider_recorded().model_copy(update={"status": "closed", "version": 9}))


async def rings(register: Register, finding_id: str) -> None:
    """Its clock rings now, by the clock of this process."""
    async with register.api.rt.db.transaction() as tx:
        await DEADLINES[reconciling.CURE](register.api.rt, tx, UUID(finding_id))


async def registers(register: Register, sender: Sender, host: str) -> None:
    await register.active(a_site(host), uscc(710_000_001))


async def corrects(register: Register, sender: Sender, host: str) -> None:
    await sender.batch(record(domain()))
    await sender.close()


async def closes(register: Register, sender: Sender, host: str) -> None:
    await closed(register)


@pytest.mark.parametrize("put_right", [registers, corrects, closes])
async def test_what_was_put_right_since_the_last_look_enters_no_record(
    register: Register, put_right: Callable[[Register, Sender, str], Awaitable[None]]
) -> None:
    sender, host = Sender(register), domain()
    await sender.hosts(record(host))
    (finding,) = await sender.findings()
    await put_right(register, sender, host)
    await register.ring(reconciling.CURE, finding["id"])
    (now,) = [each for each in await sender.findings() if each["id"] == finding["id"]]
    assert (now["status"], now["escalated_at"]) == ("cured", None)
    assert await register.told(FindingEscalatedV1) == []
    assert await register.notices(finding["id"]) == []


async def test_a_site_that_won_its_appeal_is_not_said_to_be_off_the_register(register: Register) -> None:
    site = await register.live(accesses=[access("198.18.0.12", provider=OTHER_PROVIDER)])
    decision = await register.decided(site)
    await register.carried_out(decision)
    sender = Sender(register)
    await sender.hosts(record(site["domains"][0], "198.18.0.12"))
    (finding,) = await sender.findings()
    assert finding["kind"] == "revoked"
    await register.overturned(decision)
    await register.ring(reconciling.CURE, finding["id"])
    assert [each["status"] for each in await sender.findings()] == ["cured"]
    assert await register.told(FindingEscalatedV1) == []


async def test_after_an_outage_over_the_date_silence_is_not_held_against_the_provider(register: Register) -> None:
    sender = Sender(register)
    await sender.hosts(record(domain()))
    (finding,) = await sender.findings()
    path = f"/hosted-findings/{finding['id']}"
    register.clock.advance(datetime.fromisoformat(finding["cure_until"]) - register.clock.now() + timedelta(hours=1))
    await rings(register, finding["id"])
    longer = await register.get(path, sender.who)
    assert (longer["status"], longer["escalated_at"]) == ("open", None)
    until = datetime.fromisoformat(longer["cure_until"])
    assert until > register.clock.now() + timedelta(hours=12)
    assert await register.fetchval(DUE, reconciling.CURE, UUID(finding["id"])) == until
    assert await register.notices(finding["id"]) == [("hosted_longer", str(PROVIDER))]
    assert await register.told(FindingEscalatedV1) == []
    await register.ring(reconciling.CURE, finding["id"])
    assert (await register.get(path, sender.who))["status"] == "escalated"


async def test_those_of_one_notice_are_escalated_together_in_one_notice_and_in_portions(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(escalating, "AT_ONCE", 3)
    sender = Sender(register)
    await sender.hosts(*(record(domain()) for _ in range(6)))
    answered, insisted, *silent = await sender.findings()
    for each in (answered, insisted):
        await register.post(f"/hosted-findings/{each['id']}/answer", WHY, sender.who)
    register.clock.advance(timedelta(days=2))
    await register.post(f"/hosted-findings/{insisted['id']}/insistence", SAID, "regulator-a")
    await register.ring(reconciling.CURE, silent[0]["id"])
    assert len(await register.told(FindingEscalatedV1)) == 3
    assert await register.notices(silent[0]["told_id"]) == [
        ("hosted_found", str(PROVIDER)), ("hosted_escalated", str(PROVIDER)),
    ]  # fmt: skip
    for each in silent[1:]:
        await rings(register, each["id"])
    stands = {each["id"]: each["status"] for each in await sender.findings()}
    assert {stands[each["id"]] for each in silent} == {"escalated"}
    assert (stands[answered["id"]], stands[insisted["id"]]) == ("answered", "open"), "their time is not over"
    assert len(await register.told(FindingEscalatedV1)) == 4


async def test_killed_between_any_two_lines_those_of_one_notice_are_escalated_whole_or_not(register: Register) -> None:
    sender = Sender(register)
    await sender.hosts(*(record(domain()) for _ in range(3)))
    finding = (await sender.findings())[0]
    register.clock.advance(datetime.fromisoformat(finding["cure_until"]) - register.clock.now())
    await survives(register.api.rt, lambda: rings(register, finding["id"]))
    assert len(await register.told(FindingEscalatedV1)) == 3


# --- what is in the record is disputed --------------------------------------------------------------------------------


async def escalated(sender: Sender) -> tuple[str, dict[str, Any]]:
    await sender.hosts(record(domain()))
    (finding,) = await sender.findings(status="open")
    await sender.register.ring(reconciling.CURE, finding["id"])
    path = f"/hosted-findings/{finding['id']}"
    return path, await sender.register.get(path, sender.who)


async def test_adr_20_what_is_in_the_record_is_disputed_once_until_a_person_keeps_it_with_reasons(
    register: Register,
) -> None:
    sender = Sender(register)
    path, finding = await escalated(sender)
    disputed = await register.post(f"{path}/answer", WHY, sender.who)
    assert (disputed["status"], disputed["answer"]) == ("disputed", WHY["reasons"])
    (fact,) = await register.told(FindingDisputedV1)
    assert (str(fact.finding_id), fact.statement.reasons) == (finding["id"], WHY["reasons"])
    waiting = await sender.findings("regulator-a", status="disputed")
    assert [(each["id"], "keep" in each["allowed_actions"]) for each in waiting] == [(finding["id"], True)]
    program = ("program", {"organisation": "industry-110000", "roles": ["industry_regulator"], "client_id": "program"})
    assert (await register.refused(f"{path}/dispute-answer", SAID, program, 403))["code"] == "person_required"
    await register.refused(f"{path}/insistence", SAID, "regulator-a", 409)
    kept = await register.post(f"{path}/dispute-answer", SAID, "regulator-a")
    assert (kept["status"], kept["answer"], kept["reasons"]) == ("kept", WHY["reasons"], SAID["reasons"])
    (fact,) = await register.told(FindingKeptV1)
    assert (str(fact.finding_id), fact.statement.reasons) == (finding["id"], SAID["reasons"])
    assert [kind for kind, _ in await register.notices(finding["id"])] == ["hosted_escalated", "hosted_kept"]
    await register.refused(f"{path}/answer", WHY, sender.who, 409)
    await register.post(f"{path}/dismissal", SAID, "regulator-a")
    assert [each.because for each in await register.told(FindingClosedV1)] == ["dismissed"]


@pytest.mark.parametrize("how", ["dismissal", "list"])
async def test_what_is_disputed_is_dismissed_or_cured_as_well(register: Register, how: str) -> None:
    sender = Sender(register)
    path, finding = await escalated(sender)
    await register.post(f"{path}/answer", WHY, sender.who)
    if how == "dismissal":
        await register.post(f"{path}/dismissal", SAID, "regulator-a")
        assert [kind for kind, _ in await register.notices(finding["id"])] == ["hosted_escalated", "hosted_dismissed"]
    else:
        await sender.hosts()
    (fact,) = await register.told(FindingClosedV1)
    assert fact.because == {"dismissal": "dismissed", "list": "cured"}[how]


async def test_an_answer_in_time_disputes_nothing(register: Register) -> None:
    sender = Sender(register)
    await sender.hosts(record(domain()))
    (finding,) = await sender.findings()
    await register.post(f"/hosted-findings/{finding['id']}/answer", WHY, sender.who)
    assert await register.told(FindingDisputedV1) == []
    await register.refused(f"/hosted-findings/{finding['id']}/dispute-answer", SAID, "regulator-a", 409)


# --- a provider that closed -------------------------------------------------------------------------------------------


async def test_a_provider_that_closed_says_that_it_hosts_nothing_and_its_findings_end(register: Register) -> None:
    sender = Sender(register)
    path, finding = await escalated(sender)
    await closed(register)
    await sender.hosts()
    assert (await register.get(path, sender.who))["status"] == "cured"
    (fact,) = await register.told(FindingClosedV1)
    assert (str(fact.finding_id), fact.because) == (finding["id"], "cured")


async def test_what_was_found_of_one_that_closed_ends_at_the_next_look_with_its_old_list(register: Register) -> None:
    sender, host = Sender(register), domain()
    await sender.hosts(record(host))
    await closed(register)
    await sender.looked()
    (finding,) = await sender.findings()
    assert finding["status"] == "cured"
    why = "SELECT why FROM history WHERE aggregate_id = $1 AND action = 'cure'"
    assert "closed" in await register.fetchval(why, UUID(finding["id"]))
    await register.hear(provider_recorded().model_copy(update={"status": "active", "version": 10}))
    await sender.looked()
    assert await sender.found() == {(host, "unregistered")}, "open again, it hosts what it lists"


# --- what presses a host, and what nobody decided ---------------------------------------------------------------------


async def test_what_a_host_signed_of_an_earlier_measure_does_not_press_it_to_do_what_it_has_no_order_for(
    register: Register,
) -> None:
    sender, site = Sender(register), await register.live()
    host = site["domains"][0]
    suspended = await register.carried_out(
        await register.decided(site, "suspend_access", until=register.clock.now() + timedelta(days=30))
    )
    await ordered(register, suspended, OrderReleasedV1, OrderExecutedV1)
    revocation = await register.carried_out(await register.decided(site))
    await sender.hosts(record(host))
    assert await sender.found() == set(), "of the revocation no order is out"
    await ordered(register, revocation, OrderReleasedV1)
    await ordered(register, suspended, OrderExecutedV1)
    await sender.looked()
    assert await sender.found() == set(), "what was signed last was the suspension"
    await ordered(register, revocation, OrderExecutedV1)
    await sender.looked()
    assert await sender.found() == {(host, "revoked")}


async def test_a_name_that_is_only_asked_for_is_not_found_by_what_befell_its_site(register: Register) -> None:
    sender, site = Sender(register), await register.live()
    wanted = domain()
    await register.propose(site, a_site(site["domains"][0], domains=[site["domains"][0], wanted]))
    execution = await register.carried_out(await register.decided(site))
    await ordered(register, execution, OrderReleasedV1, OrderExecutedV1)
    claim = "SELECT c.status || ' ' || s.status FROM claim c JOIN site s ON s.id = c.site_id WHERE c.domain = $1"
    assert await register.fetchval(claim, wanted) == "claimed revoked"
    await sender.hosts(record(wanted))
    assert await sender.findings() == []


# --- records that nobody could read -----------------------------------------------------------------------------------


async def test_a_record_that_was_refused_neither_agrees_nor_differs(register: Register) -> None:
    sender, dismissed, silent, moved = Sender(register), domain(), domain(), domain()
    await sender.hosts(record(dismissed), record(silent), record(moved))
    ids = {each["host"]: each["id"] for each in await sender.findings()}
    await register.post(f"/hosted-findings/{ids[dismissed]}/dismissal", SAID, "regulator-a")
    refused = [record(each, "198.18.0.10", "10.0.0.1") for each in (dismissed.upper(), silent, domain())]
    await sender.batch(*refused, {"host": 7}, "nonsense", {"host": "x" * 600})
    await sender.close()
    await sender.looked()
    stands = {each["host"]: each["status"] for each in await sender.findings()}
    assert stands == {dismissed: "dismissed", silent: "open", moved: "cured"}
    await register.ring(reconciling.CURE, ids[silent])
    later = await register.get(f"/hosted-findings/{ids[silent]}", sender.who)
    assert (later["status"], await register.told(FindingEscalatedV1)) == ("open", [])
    assert datetime.fromisoformat(later["cure_until"]) > register.clock.now()
    await sender.hosts(record(dismissed), record(silent))
    assert {each["id"] for each in await sender.findings()} == set(ids.values()), "nothing is found anew"
    await register.ring(reconciling.CURE, ids[silent])
    assert (await register.get(f"/hosted-findings/{ids[silent]}", sender.who))["status"] == "escalated"
    await sender.hosts()
    assert await sender.found() == set()
    assert await register.fetchval("SELECT count(*) FROM hosted_unread") == 0, "forgotten with its list"


async def test_a_name_that_is_listed_as_well_as_refused_is_compared(register: Register) -> None:
    sender, host = Sender(register), domain()
    await sender.hosts(record(host))
    await register.active(a_site(host), uscc(710_000_002))
    await sender.batch(record(host, "10.0.0.1"))
    await sender.batch(record(host))
    await sender.close()
    await sender.looked()
    assert await sender.found() == set()
