"""A grant of less than was asked is a refusal of the rest: with redress, and on the desk again when it falls."""

from typing import Any, Final

import pytest

from approval.lifecycle import Status
from shared.contracts.notices import ApprovalNoticeIssuedV1
from tests.integration.approval.desk import APPLICATION, STEPS, Desk
from tests.integration.approval.test_paper import confirm, entered
from tests.support.crash import survives
from tests.support.people import PEOPLE

LONGEST, LESS, ASKED = "2031-11-02", "2029-11-22", "2031-10-22"
ALL: Final[dict[str, Any]] = {"scope": APPLICATION["scope_of_service"], "valid_until": LONGEST}
PROGRAM: Any = ("program-of-drugs-a", {**PEOPLE["drugs-a"], "client_id": "program-of-drugs-a"})


async def granted(desk: Desk, **changes: Any) -> dict[str, Any]:
    shown: dict[str, Any] = await desk.done(await desk.applied(), "grant", **ALL | changes)
    return shown


async def renewed(desk: Desk, until: str) -> dict[str, Any]:
    shown: dict[str, Any] = await desk.done(await desk.at(Status.RENEWING), "renewal", valid_until=until)
    return shown


async def stands(desk: Desk, approval_id: str) -> tuple[str, str, str]:
    shown = await desk.read(approval_id)
    return shown["status"], shown["valid_until"], shown["scope"]


async def issued(desk: Desk) -> list[str]:
    """The acts that enforcement was told can be challenged."""
    async with desk.api.rt.db.connection() as tx:
        rows = await tx.fetch("SELECT key FROM outbox WHERE type = $1 ORDER BY id", ApprovalNoticeIssuedV1.TYPE)
    return [row["key"] for row in rows]


async def test_all_that_was_asked_burdens_nobody_and_is_no_act_to_challenge(desk: Desk) -> None:
    shown = await granted(desk)
    assert shown["decisions"][0]["challenge"] is None
    assert [each["kind"] for each in await desk.notices()] == ["granted"]
    assert await issued(desk) == []


@pytest.mark.parametrize("less", [{"valid_until": LESS}, {"scope": "Medicines"}])
@pytest.mark.parametrize("how", ["won", "late"])
async def test_the_rest_of_a_grant_is_challenged_and_decided_anew(desk: Desk, less: dict[str, str], how: str) -> None:
    shown = await granted(desk, **less)
    act, given = shown["decisions"][0]["challenge"], ALL | less
    assert (act["service"], act["kind"]) == ("approval", "refusal")
    [told] = await desk.notices()
    assert (told["kind"], told["about"]) == ("granted_for_less", act)
    assert told["grounds"]["redress"]["body"]["names"]["en"] == "Review body of Beijing"
    assert await issued(desk) == [act["id"]]
    await desk.hear(desk.won(act, outcome="rejected"))
    assert (await stands(desk, shown["id"]))[0] == "granted"
    for _ in range(2):
        await desk.hear(getattr(desk, how)(act))
    again = await desk.read(shown["id"])
    assert await stands(desk, shown["id"]) == ("renewing", given["valid_until"], given["scope"]), "that stays"
    assert (again["live"], again["overdue"], again["clock"]["met_at"]) == (True, False, None)
    assert again["decisions"][0]["undone_why"]
    done = await desk.done(shown["id"], "renewal", **ALL)
    assert (done["status"], done["valid_until"], done["scope"]) == ("granted", LONGEST, ALL["scope"])
    assert (done["renewal_until"], done["renewal_scope"], done["decisions"][-1]["challenge"]) == (None, None, None)
    await desk.hear(getattr(desk, how)(act))
    assert (await stands(desk, shown["id"]))[0] == "granted", "it has all of it"


async def test_the_rest_of_a_renewal_is_challenged_and_decided_anew(desk: Desk) -> None:
    shown = await renewed(desk, "2030-11-22")
    act = shown["decisions"][-1]["challenge"]
    assert act["kind"] == "renewal_refusal"
    assert (await desk.notices())[-1]["kind"] == "renewed_for_less"
    await desk.hear(desk.won(act))
    again = await desk.read(shown["id"])
    assert (again["status"], again["valid_until"], again["renewal_until"]) == ("renewing", "2030-11-22", ASKED)
    less = await desk.done(shown["id"], "renewal", valid_until="2031-01-01")
    again = less["decisions"][-1]["challenge"]
    assert (again["kind"], again["id"] == act["id"]) == ("renewal_refusal", False), "less again is another act"


async def test_of_two_grants_of_less_what_fell_last_is_on_the_desk(desk: Desk) -> None:
    shown = await granted(desk, scope="Medicines", valid_until=LESS)
    first = shown["decisions"][0]["challenge"]
    await desk.done(shown["id"], "renewal-request", valid_until=ASKED)
    await desk.hear(desk.won(first))
    waiting = await desk.read(shown["id"])
    assert (waiting["renewal_until"], waiting["renewal_scope"]) == (ASKED, ALL["scope"]), "both are decided now"
    refused = await desk.done(shown["id"], "renewal-refusal")
    assert (refused["status"], refused["renewal_scope"]) == ("granted", None)
    await desk.hear(desk.won(refused["decisions"][-1]["challenge"]))
    assert (await desk.read(shown["id"]))["renewal_scope"] == ALL["scope"], "and with that refusal both are open again"


@pytest.mark.parametrize("less", [{"valid_until": LESS}, {"scope": "Medicines", "valid_until": LESS}])
async def test_one_that_lapsed_by_then_is_in_force_until_the_rest_is_decided(desk: Desk, less: dict[str, str]) -> None:
    shown = await granted(desk, **less)
    await desk.travel("2029-11-23T00:00")
    assert (await stands(desk, shown["id"]))[0] == "lapsed"
    await desk.hear(desk.won(shown["decisions"][0]["challenge"]))
    assert (await desk.read(shown["id"]))["live"] is True
    assert (await desk.facts(shown["id"]))[-1][0] == "approval.reinstated.v1"
    refused = await desk.done(shown["id"], "renewal-refusal")
    assert (refused["status"], refused["valid_until"]) == ("lapsed", LESS)


async def test_a_renewal_keeps_the_scope_but_where_that_is_decided_anew(desk: Desk) -> None:
    approval_id = await desk.at(Status.RENEWING)
    answer = await desk.do(approval_id, "renewal", scope="Nothing but bandages")
    assert (answer.status_code, answer.json()["code"]) == (422, "scope_not_open")
    await desk.done(approval_id, "renewal", scope="Medicines")


async def test_what_a_case_ended_comes_back_by_no_appeal_against_its_grant(desk: Desk) -> None:
    shown = await granted(desk, valid_until=LESS)
    await desk.hear(desk.ending(shown["id"]))
    await desk.hear(desk.won(shown["decisions"][0]["challenge"]))
    assert (await stands(desk, shown["id"]))[0] == "ended"


async def test_the_rest_that_fell_while_a_case_kept_it_ended_is_decided_anew_once_that_falls(desk: Desk) -> None:
    shown = await granted(desk, valid_until=LESS)
    ended = desk.ending(shown["id"])
    await desk.hear(ended)
    await desk.hear(desk.won(shown["decisions"][0]["challenge"]))
    assert (await stands(desk, shown["id"]))[0] == "ended"
    await desk.hear(desk.overturned(ended.decision_id))
    again = await desk.read(shown["id"])
    assert (again["status"], again["live"], again["valid_until"]) == ("renewing", True, LESS)
    assert again["renewal_until"] is not None


async def test_a_program_grants_no_less_than_was_asked(desk: Desk) -> None:
    approval_id = await desk.applied()
    for less in ({"valid_until": LESS}, {"scope": "Medicines"}):
        answer = await desk.do(approval_id, "grant", who=PROGRAM, **ALL | less)
        assert (answer.status_code, answer.json()["code"]) == (403, "person_required")
    await desk.done(approval_id, "grant", who=PROGRAM, **ALL)
    renewing = await desk.at(Status.RENEWING)
    answer = await desk.do(renewing, "renewal", who=PROGRAM, valid_until="2030-11-22")
    assert (answer.status_code, answer.json()["code"]) == (403, "person_required")
    assert STEPS["renewal"].body["valid_until"] == ASKED
    await desk.done(renewing, "renewal", who=PROGRAM)


async def test_what_is_printed_on_paper_is_as_it_was_asked(desk: Desk) -> None:
    done = (await confirm(desk, await entered(desk))).json()
    [decision] = (await desk.read(done["approval_id"]))["decisions"]
    assert decision["challenge"] is None


async def test_putting_the_rest_on_the_desk_killed_between_any_two_statements_did_nothing(desk: Desk) -> None:
    shown = await granted(desk, valid_until=LESS, scope="Medicines")
    await survives(desk.api.rt, desk.hearing(desk.won(shown["decisions"][0]["challenge"])))
    assert (await desk.read(shown["id"]))["renewal_scope"] == ALL["scope"]
