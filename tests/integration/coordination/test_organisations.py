"""The verbs of the directory: as everybody, in every state, raced."""

import asyncio
from typing import Any

import pytest

from coordination.main import SERVICE
from shared.runtime.acts.directory import founding
from tests.integration.coordination.office import BEIJING, BEIJING_B, CONTACT, NATIONAL, NEW, WHY, Office
from tests.support.people import PEOPLE, token
from tests.support.service import Who, running_service

OFFICIALS = [name for name, who in PEOPLE.items() if who["roles"] != ["operator"]]


async def test_a_new_directory_holds_what_the_profile_lists_with_its_source(office: Office) -> None:
    listed = {record.organisation_id: record for record in founding(office.api.rt.rules)}
    assert {known.organisation_id for known in office.api.rt.directory} == set(listed)
    assert await office.told("drugs-110000") == [listed["drugs-110000"]]
    (version,) = (await office.api.get("/organisations/drugs-110000/versions", who=NATIONAL)).json()
    assert (version["action"], version["by"], version["why"]) == ("found", "concord", "cn-2006: P1, P3.1.2")
    (move,) = await office.rows(
        """SELECT history.action, to_status, why FROM history JOIN entry ON entry.id = aggregate_id
            WHERE entry.organisation = $1""",
        "drugs-110000",
    )
    assert tuple(move) == ("found", "active", "cn-2006: P1, P3.1.2")


async def test_a_second_start_and_two_at_once_change_nothing_and_bring_nothing_back(office: Office) -> None:
    assert (await office.done("audit-650000", "close")).status_code == 200
    assert (await office.rename("drugs-110000", short_name="京药")).status_code == 200
    before = await office.rows("SELECT organisation, version, status FROM entry ORDER BY organisation")
    facts = await office.rows("SELECT count(*) FROM outbox")
    assert SERVICE.start is not None
    await asyncio.gather(*(SERVICE.start(office.api.rt) for _ in range(3)))
    async with running_service(SERVICE, office.dsn, clock=office.clock):
        assert await office.rows("SELECT organisation, version, status FROM entry ORDER BY organisation") == before
    assert await office.rows("SELECT count(*) FROM outbox") == facts


async def test_two_processes_that_start_at_once_on_an_empty_directory_found_it_once(office: Office) -> None:
    async with office.api.rt.db.transaction() as tx:
        await tx.execute("TRUNCATE entry, entry_version, proposal, organisation, outbox")
    assert SERVICE.start is not None
    await asyncio.gather(*(SERVICE.start(office.api.rt) for _ in range(3)))
    (count,) = await office.rows("SELECT count(*), count(DISTINCT organisation) FROM entry")
    assert count[0] == count[1] == len(founding(office.api.rt.rules))
    assert (await office.rows("SELECT count(*) FROM outbox"))[0][0] == count[0]


async def test_an_organisation_enters_closed_and_a_second_person_opens_it(office: Office) -> None:
    proposed = await office.enter(contacts={"liaison": CONTACT})
    assert proposed.status_code == 201, proposed.text
    assert proposed.headers["location"] == f"/proposals/{proposed.json()['id']}"
    assert (await office.read("port-110000"))["status"] == "closed"
    own = await office.confirm(proposed.json(), NATIONAL)
    assert (own.status_code, own.json()["code"]) == (409, "second_person_required")
    assert (await office.confirm(proposed.json())).json()["status"] == "confirmed"
    closed, fact = await office.told("port-110000")
    assert (closed.status, closed.version) == ("closed", 1)
    assert (fact.status, fact.version, fact.kinds, fact.region) == ("active", 2, ("network_supervisor",), "110000")
    await office.followed("port-110000", 2)


async def test_a_provincial_office_writes_in_its_province_alone(office: Office) -> None:
    two = BEIJING, BEIJING_B
    assert (await office.entered(*two)).status_code == 200
    assert (await office.rename("drugs-110000", BEIJING, short_name="京药")).status_code == 200
    assert (await office.done("port-110000", "close", *two)).status_code == 200
    assert (await office.done("port-110000", "reopen", *two)).status_code == 200
    national = {"id": "port", "level": "national", "region": None, "redress": "review"}
    elsewhere = (await office.propose("drugs-310000", "close")).json()
    for answer in (
        await office.enter(BEIJING, id="port-310000", region="310000"),
        await office.enter(BEIJING, **national),
        await office.rename("drugs-310000", BEIJING),
        await office.propose("drugs-310000", "change", BEIJING),
        await office.propose("drugs", "close", BEIJING),
        await office.confirm(elsewhere, BEIJING),
        await office.withdraw(elsewhere, BEIJING),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "out_of_scope")
    assert (await office.entered(**national)).status_code == 200


async def test_a_program_does_not_change_the_directory(office: Office) -> None:
    program: Who = (NATIONAL, {"client_id": NATIONAL})
    proposal = (await office.propose("drugs-110000", "close", BEIJING)).json()
    for answer in (
        await office.enter(program),
        await office.rename("drugs-110000", program),
        await office.propose("drugs-110000", "close", program),
        await office.confirm(proposal, program),
        await office.withdraw(proposal, program),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "person_required")
    assert (await office.read("drugs-110000", program))["allowed_actions"] == []


@pytest.mark.parametrize("who", OFFICIALS)
async def test_every_official_reads_and_members_alone_read_whom_to_ask(office: Office, who: str) -> None:
    await office.rename("drugs-110000", contacts={"responsible_person": CONTACT, "liaison": CONTACT})
    found = await office.read("drugs-110000", who)
    member = not who.startswith(("review", "auditor"))
    assert (found["contacts"] is not None) is member
    looks = await office.rows("SELECT subject, resource FROM audit WHERE outcome = 'granted' AND subject = $1", who)
    assert bool(looks) is (member or who == NATIONAL)
    listed = await office.api.get("/organisations?kind=sector_regulator&region=110000", who=who)
    assert {each["organisation_id"] for each in listed.json()["items"]} == {
        f"{name}-110000" for name in ("education", "healthcare", "drugs", "culture", "audiovisual")
    }
    assert CONTACT["email"] not in listed.text
    versions = await office.api.get("/organisations/drugs-110000/versions", who=who)
    assert (versions.status_code, len(versions.json())) == (200, 2)
    assert CONTACT["email"] not in versions.text


async def test_whom_to_ask_is_in_no_fact_and_no_history(office: Office) -> None:
    await office.entered(contacts={"responsible_person": CONTACT, "liaison": CONTACT})
    await office.rename("port-110000", contacts={"liaison": CONTACT})
    everything = await office.values()
    for sql in (
        "SELECT record::text FROM entry_version",
        "SELECT why || name FROM history",
        "SELECT record::text FROM organisation",
        "SELECT proposal::text FROM proposal",
    ):
        everything += " ".join(row[0] for row in await office.rows(sql)).encode()
    for private in ("Wang Fang", "wang@office.example", "5555 0100"):
        assert private.encode() not in everything


async def test_a_change_keeps_every_version_with_who_and_why(office: Office) -> None:
    assert (await office.rename("drugs-110000", short_name="京药")).headers["etag"] == '"2"'
    assert (await office.done("drugs-110000", "change", kinds=["sector_regulator", "auditor"])).status_code == 200
    newest, middle, first = (await office.api.get("/organisations/drugs-110000/versions", who="auditor")).json()
    assert [each["action"] for each in (newest, middle, first)] == ["change", "rename", "found"]
    assert (newest["by"], newest["why"]) == ("coordination", WHY)
    assert (middle["record"]["short_name"], first["record"]["short_name"]) == ("京药", "京药监")
    assert (newest["record"]["kinds"], newest["record"]["short_name"]) == (["sector_regulator", "auditor"], "京药")
    assert [fact.version for fact in await office.told("drugs-110000")] == [1, 2, 3]


async def test_a_new_name_says_which_version_it_read(office: Office) -> None:
    now = await office.read("drugs-110000")
    body = {name: now[name] for name in ("names", "short_name")} | {"why": WHY}
    missing = await office.api.put("/organisations/drugs-110000", json=body, who=NATIONAL)
    assert (missing.status_code, missing.json()["code"]) == (428, "precondition_required")
    stale = await office.rename("drugs-110000", version=7)
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")


async def test_of_two_new_names_at_once_one_is_refused(office: Office) -> None:
    answers = await asyncio.gather(
        *(
            office.rename("drugs-110000", who, version=1, short_name=f"药{n}")
            for n, who in enumerate([NATIONAL, BEIJING] * 4)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    assert [fact.version for fact in await office.told("drugs-110000")] == [1, 2]


async def test_of_two_that_enter_the_same_id_or_take_the_same_place_one_is_refused(office: Office) -> None:
    same = await asyncio.gather(*(office.enter() for _ in range(4)))
    assert sorted(answer.status_code for answer in same) == [201, 409, 409, 409]
    assert {answer.json()["code"] for answer in same if answer.status_code == 409} == {"organisation_exists"}
    await office.done("drugs-110000", "close")
    competences = [{"item": "drugs_and_devices", "since": "2026-01-01"}]
    places = await asyncio.gather(
        *(office.entered(id=f"pills{n}-110000", kinds=["sector_regulator"], competences=competences) for n in range(4))
    )
    assert sorted(answer.status_code for answer in places) == [200, 409, 409, 409]
    assert {answer.json()["code"] for answer in places if answer.status_code == 409} == {"place_taken"}
    back = await office.done("drugs-110000", "reopen")
    assert (back.status_code, back.json()["code"]) == (409, "place_taken")


async def test_a_competence_passes_from_one_authority_to_another_without_a_gap(office: Office) -> None:
    ends = [{"item": "drugs_and_devices", "since": "2006-02-17", "until": "2026-12-31"}]
    begins = [{"item": "healthcare", "since": "2006-02-17"}, {"item": "drugs_and_devices", "since": "2027-01-01"}]
    early = await office.done("healthcare-110000", "change", competences=begins)
    assert (early.status_code, early.json()["code"], early.json()["organisation"]) == (
        409,
        "place_taken",
        "drugs-110000",
    )
    assert (await office.done("drugs-110000", "change", competences=ends)).status_code == 200
    assert (await office.done("healthcare-110000", "change", competences=begins)).status_code == 200


async def test_an_organisation_is_closed_once_reopened_once_and_not_changed_in_between(office: Office) -> None:
    answers = await asyncio.gather(*(office.done("drugs-110000", "close") for _ in range(4)))
    assert [answer.status_code for answer in answers].count(200) == 1
    assert {answer.status_code for answer in answers} <= {200, 409, 412}
    for changed in (await office.rename("drugs-110000"), await office.propose("drugs-110000", "change")):
        assert (changed.status_code, changed.json()["allowed_actions"]) == (409, ["reopen"])
    assert (await office.done("drugs-110000", "reopen")).status_code == 200
    again = await office.propose("drugs-110000", "reopen")
    assert (again.status_code, again.json()["code"]) == (409, "action_refused")
    assert [fact.status for fact in await office.told("drugs-110000")] == ["active", "closed", "active"]


async def test_the_id_of_a_closed_organisation_is_not_given_again(office: Office) -> None:
    await office.done("audit-110000", "close")
    answer = await office.enter(id="audit-110000", kinds=["auditor"])
    assert (answer.status_code, answer.json()["code"]) == (409, "organisation_exists")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"region": "990000", "id": "port-990000"}, "region"),
        ({"region": None}, "region"),
        ({"level": "national"}, "region"),
        ({"id": "port"}, "id"),
        ({"id": "port-310000"}, "id"),
        ({"id": "Port-110000"}, "id"),
        ({"kinds": []}, "kinds"),
        ({"kinds": ["emperor"]}, "kinds"),
        ({"kinds": ["access_provider"]}, "kinds"),
        ({"kinds": ["operator"]}, "kinds"),
        ({"competences": [{"item": "culture", "since": "2026-01-01"}]}, "competences"),
        ({"kinds": ["sector_regulator"], "competences": [{"item": "news", "since": "2026-01-01"}]}, "competences"),
        ({"kinds": ["sector_regulator"], "competences": [{"item": "general", "since": "2026-01-01"}]}, "competences"),
        ({"competences": [{"item": "culture", "since": "2026-01-01", "until": "2025-01-01"}]}, "competences.0"),
        ({"parent": "nobody"}, "parent"),
        ({"redress": "drugs-110000"}, "redress"),
        ({"redress": "nobody"}, "redress"),
        ({"why": "because"}, "why"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_what_the_rules_do_not_allow_is_refused_by_field(
    office: Office, changes: dict[str, Any], field: str
) -> None:
    answer = await office.enter(**changes)
    assert answer.status_code == 422, answer.text
    assert field in [each["field"] for each in answer.json()["fields"]]
    assert await office.told(str(changes.get("id", NEW["id"]))) == []


async def test_nobody_becomes_subordinate_to_itself(office: Office) -> None:
    assert (await office.done("audit-110000", "change", parent="industry-110000")).status_code == 200
    answer = await office.propose("industry", "change", parent="audit-110000")
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, "parent")
    own = await office.propose("drugs", "change", parent="drugs")
    assert own.status_code == 422


async def test_there_is_one_industry_regulator_a_place(office: Office) -> None:
    answer = await office.enter(kinds=["industry_regulator"])
    assert (answer.status_code, answer.json()["code"]) == (409, "place_taken")


async def test_a_change_counts_at_once_for_a_token_already_issued(office: Office) -> None:
    who = office.api.rt.directory.caller
    drugs = await office.api.app.state.validator.validate(token("drugs-a", clock=office.clock))
    assert who(drugs).categories == {"drugs_and_devices"}
    await office.done("drugs-110000", "change", competences=[])
    await office.followed("drugs-110000", 2)
    assert who(drugs).categories == frozenset()


async def test_who_acts_for_a_closed_organisation_is_refused_at_the_next_request_and_that_is_audited(
    office: Office,
) -> None:
    header = {"Authorization": f"Bearer {token('drugs-a', clock=office.clock)}"}
    assert (await office.api.get("/organisations", headers=header)).status_code == 200
    await office.done("drugs-110000", "close")
    await office.followed("drugs-110000", 2)
    answer = await office.api.get("/organisations", headers=header)
    assert (answer.status_code, answer.json()["code"]) == (403, "organisation_unknown")
    assert "coordination office" in answer.json()["detail"]
    assert await office.refusals() == [("drugs-a", "organisation_unknown")]
    await office.done("drugs-110000", "reopen")
    await office.followed("drugs-110000", 3)
    assert (await office.api.get("/organisations", headers=header)).status_code == 200


async def test_an_unknown_organisation_is_not_found(office: Office) -> None:
    for answer in (
        await office.api.get("/organisations/nobody", who=NATIONAL),
        await office.api.get("/organisations/nobody/versions", who=NATIONAL),
        await office.propose("nobody", "close"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_organisation")


async def test_a_list_pages_through_the_whole_directory(office: Office) -> None:
    seen: list[str] = []
    after = ""
    while True:
        page = (await office.api.get(f"/organisations?limit=100{after}", who="auditor")).json()
        seen += [each["organisation_id"] for each in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert len(seen) == len(set(seen)) == len(founding(office.api.rt.rules))


async def test_where_everybody_reaches_an_office_is_told_with_its_record(office: Office) -> None:
    where = {"address": "北京市西城区样例街1号", "phone": "+86 10 5555 0100"}
    assert (await office.rename("drugs-110000", office=where)).status_code == 200
    shown = (await office.api.get("/organisations/drugs-110000", who="drugs-a")).json()["office"]
    assert {name: value for name, value in shown.items() if value} == where
    assert (await office.rename("drugs-110000", office={"phone": "110"})).status_code == 422


async def test_the_id_that_signs_trial_orders_is_no_organisations(office: Office) -> None:
    answer = await office.enter(id="sandbox")
    assert (answer.status_code, answer.json()["code"]) == (422, "organisation_invalid")
    assert [fault["field"] for fault in answer.json()["fields"]] == ["id"]
