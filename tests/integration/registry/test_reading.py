"""Who sees what, who looked, and what a database that is read-only does to whom."""

from collections.abc import Awaitable, Callable

import pytest

from local_stack.postgres import EmbeddedPostgres
from tests.integration.registry.conftest import GRANT, Register, a_site, domain, owner, uscc
from tests.integration.registry.test_licences import licensed
from tests.integration.registry.test_mergers import Two
from tests.integration.registry.test_shells import found
from tests.integration.runtime.test_database_faults import read_only
from tests.support.crash import statements
from tests.support.people import OPERATOR_USCC


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


async def licences(register: Register, number: int) -> None:
    await licensed(register, uscc(number))


async def amendments(register: Register, number: int) -> None:
    site = await register.live(uscc(number))
    await register.propose(site, {**a_site(domain()), "name": "Another name"}, owner(uscc(number)))


async def findings(register: Register, number: int) -> None:
    await found(register, uscc(number))


async def executions(register: Register, number: int) -> None:
    await register.execution(await register.decided(await register.live(uscc(number))))


async def merged(register: Register, number: int) -> None:
    await Two(
        register, await register.active(a_site(domain()), uscc(600 + number)),
        await register.active(a_site(domain()), uscc(700 + number)),
    ).proposed()  # fmt: skip


@pytest.mark.parametrize(
    ("path", "who", "make"),
    [
        ("/checks", "regulator-a", licences), ("/registrar-tasks", "registrar-a", licences),
        ("/amendments", "regulator-a", amendments), ("/shell-findings", "regulator-a", findings),
        ("/executions", "regulator-a", executions),
        ("/mergers", "regulator-a", merged),
    ],
)  # fmt: skip
async def test_a_page_takes_as_many_statements_however_many_rows_it_has(
    register: Register, path: str, who: str, make: Callable[[Register, int], Awaitable[None]]
) -> None:
    for number in (1, 2, 3):
        await make(register, number)

    async def page(limit: int) -> int:
        async def read() -> None:
            page = await register.get(f"{path}?limit={limit}", who)
            assert len(page["items"]) == limit

        return await statements(read)

    assert await page(3) == await page(1)


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
