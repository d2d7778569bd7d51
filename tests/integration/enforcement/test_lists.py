"""Lists: as many statements however many rows a page has, and what comes to an organisation in the order of time."""

from typing import Any

import pytest

from enforcement.store import cases
from tests.integration.enforcement.conftest import Office, site_recorded
from tests.integration.enforcement.test_requests import asked
from tests.integration.enforcement.test_subscriptions import OWNER, Desk
from tests.support.crash import statements


async def appeals(office: Office) -> None:
    await office.appeal(await office.released())


async def requests(office: Office) -> None:
    await asked(office)


async def subscriptions(office: Office) -> None:
    host = f"n{await office.fetchval('SELECT count(*) FROM name_subscription')}.example"
    await Desk(office).active(host)


@pytest.mark.parametrize(
    ("path", "who", "make"),
    [
        ("/appeals", "review-a", appeals),
        ("/regulator-requests", "drugs-a", requests),
        ("/name-subscriptions", OWNER, subscriptions),
    ],
)
async def test_a_page_takes_as_many_statements_however_many_rows_it_has(
    office: Office, path: str, who: Any, make: Any
) -> None:
    for _ in range(3):
        await make(office)

    async def page(limit: int) -> int:
        async def read() -> None:
            found = await office.get(f"{path}?limit={limit}", who)
            assert len(found["items"]) == limit

        return await statements(read)

    assert await page(3) == await page(1)


async def test_cases_that_came_to_an_organisation_are_listed_in_the_order_of_time_each_once(office: Office) -> None:
    made = [await office.case(site_recorded()) for _ in range(4)]
    assert (await office.get("/cases", "regulator-a"))["items"] == [], "nothing of it came to them"
    async with office.api.rt.db.transaction() as tx:
        for each in (made[2], made[0], made[3], made[0]):
            await cases.take_part(tx, each["id"], "industry-110000")
        await cases.take_part(tx, made[0]["id"], "review-110000")
    first = await office.get("/cases?limit=2", "regulator-a")
    then = await office.get(f"/cases?limit=2&after={first['next']}", "regulator-a")
    listed = [each["id"] for page in (first, then) for each in page["items"]]
    assert listed == [made[index]["id"] for index in (3, 2, 0)]
    assert (await office.get("/cases?region=440000", "regulator-a"))["items"] == []
