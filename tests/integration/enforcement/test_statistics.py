"""Statistics of appeals: counted by SQL, for everybody, and nobody is named."""

from datetime import timedelta

from enforcement.store import appeals
from tests.integration.enforcement.conftest import Office
from tests.integration.enforcement.test_reviewing import REJECTED, UPHELD, late
from tests.support.people import OPERATOR_USCC, at


async def test_what_became_of_appeals_is_counted_by_authority_and_nobody_is_named(office: Office) -> None:
    await late(office)
    _, body = await late(office)
    await office.post("/appeals", body, "applicant", 201)
    first = office.api.rt.rules.day_of(office.clock.now())
    filed = [await office.appeal(await office.released()) for _ in range(5)]
    for days, outcome, appeal in ((3, UPHELD, filed[0]), (4, REJECTED, filed[1]), (13, REJECTED, filed[2])):
        office.clock.advance(timedelta(days=days, seconds=1))
        await office.post(f"/appeals/{appeal['id']}/decision", outcome, "review-a")
    await office.post(f"/appeals/{filed[3]['id']}/withdrawal", {"reasons": "We let it be."}, "applicant")
    await office.rings("appeal_decision", filed[4]["id"])
    answer = await office.api.get("/appeals/statistics")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=300")
    assert OPERATOR_USCC not in answer.text
    [counted] = answer.json()["authorities"]
    assert {name: counted[name] for name in counted if name not in {"authority", "median_days"}} == {
        "authority_id": "drugs-110000", "filed": 6, "open": 1, "upheld": 1, "rejected": 2, "withdrawn": 1,
        "refused": 1, "late": 1,
    }  # fmt: skip
    assert counted["median_days"] == 100.0, "to a tenth of a day"
    assert counted["authority"]["en"] == "Beijing Drug Administration"
    since = (await office.api.get(f"/appeals/statistics?since={first + timedelta(days=1)}")).json()["authorities"]
    assert since[0]["filed"] == 5
    none = await office.api.get("/appeals/statistics?authority=culture-110000")
    assert none.json()["authorities"] == []
    ahead = await office.api.get("/appeals/statistics?until=9999-12-31")
    assert ahead.json()["authorities"] == answer.json()["authorities"]
    wrong = await office.api.get("/appeals/statistics?since=2026-11-02&until=2026-11-01")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid")


async def test_the_count_is_right_on_rows_made_for_it_and_uses_its_index(office: Office) -> None:
    fixture = """
        INSERT INTO appeal (id, status, service, kind, act_id, identity, appellant, authority_id, authority, body_id,
                            body, grounds, stay, filed_by, filed_at, overdue_at, decided_at, changed_at)
        SELECT gen_random_uuid(), status, 'registry', 'refusal', gen_random_uuid(), 'x', '{}', 'industry-' || n,
               '{"id": "industry", "names": {"zh": "a", "en": "a"}, "level": "national", "region": null}', 'review',
               '{}', 'g', 'none', 'p', '2026-01-01', CASE WHEN late THEN timestamptz '2026-03-02' END,
               CASE WHEN status <> 'open' THEN timestamptz '2026-01-01' + days * interval '1 day' END, '2026-01-01'
          FROM unnest($1::text[], $2::int[], $3::boolean[]) AS given (status, days, late), generate_series(1, $4) AS n
    """
    given = (["upheld", "rejected", "rejected", "withdrawn", "open", "refused"], [10, 20, 90, 1, 0, 0],
             [False, False, True, False, True, False])  # fmt: skip
    async with office.api.rt.db.transaction() as tx:
        await tx.execute(fixture, *given, 300)
        await tx.execute("ANALYZE appeal")
        begins, ends = at("2026-01-01T00:00"), at("2026-02-01T00:00")
        counted = await appeals.count(tx, "industry-7", begins, ends)
        plan = "\n".join(row[0] for row in await tx.fetch(f"EXPLAIN {appeals.COUNT}", "industry-7", begins, ends))
        every = await appeals.count(tx, None, begins, ends)
    [one] = counted
    assert (one.filed, one.open, one.upheld, one.rejected, one.withdrawn, one.refused, one.late) == (
        6,
        1,
        1,
        2,
        1,
        1,
        2,
    )
    assert one.median_days == 20.0, "withdrawn, refused and open ones were not decided"
    assert len(every) == 300
    assert "appeal_counted" in plan
