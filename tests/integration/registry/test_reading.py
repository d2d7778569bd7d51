"""Who sees what, who looked, and what a database that is read-only does to whom."""

from typing import Any

import pytest

from local_stack.postgres import EmbeddedPostgres
from shared.rules import Level, Role
from shared.runtime.base.context import Caller
from tests.integration.registry.conftest import GRANT, Register, a_site, domain, owner, uscc
from tests.integration.runtime.test_database_faults import read_only
from tests.support.people import OPERATOR_USCC
from tests.support.reach import NoRole, disagreements

OFFICIALS = {
    Role.INDUSTRY_REGULATOR, Role.SECTOR_REGULATOR, Role.QUERY_DESK, Role.AUDITOR, Role.ACCESS_DESK, Role.REVIEW_BODY,
}  # fmt: skip


def _may(who: Caller, record: dict[str, Any]) -> bool:
    """Operators see their own; officials what is of their province, those of the whole country everything."""
    if not who.roles & {Role.OPERATOR, *OFFICIALS}:
        raise NoRole
    own = Role.OPERATOR in who.roles and who.organisation in {record["organisation"], record.get("receiver")}
    return own or bool(who.roles & OFFICIALS and (who.level == Level.NATIONAL or who.region == record["region"]))


def _may_execution(who: Caller, record: dict[str, Any]) -> bool:
    """The authority that decided and the regulator that executes; who reviews and who audits."""
    if not who.roles & {Role.INDUSTRY_REGULATOR, Role.SECTOR_REGULATOR, Role.AUDITOR, Role.REVIEW_BODY}:
        raise NoRole
    here = who.level == Level.NATIONAL or who.region == record["region"]
    return (
        who.organisation in {record["regulator"], record["authority"]}
        or Role.AUDITOR in who.roles
        or (Role.REVIEW_BODY in who.roles and here)
    )


async def _of(register: Register, code: str, region: str) -> dict[str, Any]:
    """A live filing of an operator in a province."""
    who = "regulator-a" if region == "110000" else "shanghai-regulator-a"
    operator = await register.operator(code, who, region=region)
    submitted = await register.post("/registrations", {"operator_id": operator, "site": a_site(domain())}, who, 201)
    return await register.post(f"/registrations/{submitted['id']}/grant", GRANT, who)


async def test_every_list_asked_as_everybody_shows_what_they_may_read_and_nothing_else(register: Register) -> None:
    filings = {}
    for code, region in ((OPERATOR_USCC, "110000"), (uscc(1), "110000"), (uscc(2), "310000")):
        filings[(await _of(register, code, region))["id"]] = {"organisation": code, "region": region}
    assert await disagreements(register.api, "/registrations", filings, _may) == []
    proposals = {}
    for registration_id, words in filings.items():
        site = (await register.get(f"/registrations/{registration_id}", owner(words["organisation"])))["sites"][0]
        added = await register.post(
            f"/registrations/{registration_id}/sites", a_site(domain()), owner(words["organisation"]), 201
        )
        proposals[added["id"]] = words
        if words["organisation"] == uscc(1):
            to = next(iter(filings))
            moving = await register.post(
                f"/sites/{site['id']}/transfer", {"registration_id": to, "reasons": "The shop was sold."},
                owner(uscc(1)), 201, headers={"If-Match": f'"{site["version"]}"'},
            )  # fmt: skip
            proposals[moving["id"]] = {**words, "receiver": OPERATOR_USCC}
    assert await disagreements(register.api, "/amendments", proposals, _may) == []


async def test_executions_are_shown_to_who_decided_executes_reviews_or_audits(register: Register) -> None:
    decision = await register.decided(await register.live())
    execution = await register.execution(decision)
    words = {"regulator": "industry-110000", "authority": decision.grounds.authority.id, "region": "110000"}
    assert await disagreements(register.api, "/executions", {execution["id"]: words}, _may_execution) == []


@pytest.mark.parametrize("path", ["/registrations", "/amendments", "/executions", "/sites?domain=a.example"])
async def test_a_list_asked_by_nobody_and_by_somebody_without_a_role(register: Register, path: str) -> None:
    assert (await register.api.get(path)).status_code == 401
    assert (await register.api.get(path, who=("regulator-a", {"roles": []}))).status_code == 403
    assert (await register.api.get(path, who="coordination-a")).status_code == 403


async def test_every_look_of_an_official_leaves_a_row_and_that_of_the_owner_none(register: Register) -> None:
    granted = await register.active(a_site(domain()), OPERATOR_USCC)
    site = granted["sites"][0]
    added = await register.post(f"/registrations/{granted['id']}/sites", a_site(domain()), owner(), 201)
    paths = [
        f"/operators/{granted['operator_id']}", "/registrations", f"/registrations/{granted['id']}",
        f"/sites/{site['id']}", f"/sites?domain={site['domains'][0]}", "/amendments", f"/amendments/{added['id']}",
    ]  # fmt: skip

    async def rows(who: str) -> int:
        return int(
            await register.fetchval("SELECT count(*) FROM audit WHERE subject = $1 AND outcome = 'granted'", who)
        )

    for path in paths:
        before = await rows("auditor")
        await register.api.get(path, who="auditor")
        assert await rows("auditor") == before + 1, path
        await register.api.get(path, who=owner())
    assert await rows("applicant") == 0


async def test_a_name_finds_its_site_in_any_spelling_and_from_below(register: Register) -> None:
    await register.live(OPERATOR_USCC, domains=["药店-x.example"])
    for spelling in ("药店-x.example", "药店-X.EXAMPLE.", "www.药店-x.example"):
        answer = await register.api.get("/sites", params={"domain": spelling}, who="officer")
        assert [each["operator_id"] for each in answer.json()], spelling
    elsewhere = await register.api.get("/sites", params={"domain": "药店-x.example"}, who=owner(uscc(1)))
    assert elsewhere.json() == []
    wrong = await register.api.get("/sites", params={"domain": "no name"}, who="officer")
    assert wrong.status_code == 422


async def test_no_view_names_an_officer(register: Register) -> None:
    decision = await register.decided(await register.live(OPERATOR_USCC), signed_by=["sub:drugs-a", "sub:drugs-b"])
    done = await register.carried_out(decision)
    registration = (await register.get("/registrations", owner()))["items"][0]["id"]
    for path, who in ((f"/executions/{done['id']}", "drugs-a"), (f"/registrations/{registration}", owner())):
        said = (await register.api.get(path, who=who)).text
        for name in ("regulator-a", "regulator-b", "drugs-b", "signed_by"):
            assert name not in said, (path, name)


async def test_a_read_only_database_is_a_503_and_it_goes_on_afterwards(
    register: Register, postgres: EmbeddedPostgres
) -> None:
    submitted = await register.submitted(a_site(domain()))
    path = f"/registrations/{submitted['id']}/grant"
    async with read_only(postgres):
        refused = await register.refused(path, GRANT, "regulator-a", 503)
        assert refused["code"] == "database_unavailable"
        answer = await register.api.post("/imports", content=b"{}", who="regulator-a",
                                         headers={"Content-Type": "application/x-ndjson"})  # fmt: skip
        assert answer.status_code == 503
    assert (await register.post(path, GRANT, "regulator-a"))["number"] == "京ICP备00000001号"
