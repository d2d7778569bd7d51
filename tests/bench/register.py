"""The register at the size of a country: grants, reading the past, admission, and the close of an annual review."""

import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from local_stack.postgres import EmbeddedPostgres
from registry import heard
from registry.consumer import DEADLINES
from registry.main import SERVICE
from registry.service import admission, registrations, reviews, sites
from registry.service.admission import Candidate
from registry.store.accesses import Access
from registry.store.claims import Name
from shared.contracts import examples
from shared.contracts.access import ProviderRecordedV1
from shared.contracts.enforcement import DecisionReleasedV1
from shared.contracts.http.registry import Granting, NewRegistration, RegistrationKind, WithReasons
from shared.contracts.http.reviews import NewReview
from shared.contracts.registry import ExecutionCarriedOutV1, SiteRecordedV1
from shared.rules.identifiers import uscc_with_check_digit
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.ids import uuid7
from shared.runtime.clocks.ticks import TickWorker
from shared.runtime.db import migrations
from tests.bench.result import Result, at_least, percentile
from tests.support.fixtures import seed_directory
from tests.support.people import at, person
from tests.support.service import running_service

SITES: Final = {"small": 20_000, "full": 5_000_000}
VERSIONS: Final = 4
"""Of each site."""
REVIEWED: Final = {"small": 10_000, "full": 100_000}
FAILING: Final = 100
"""One in so many subjects."""
GRANTS: Final = {"small": 500, "full": 2_000}
AT_ONCE: Final = 8
ASKED: Final = 2_000
AS_OF_MS, ADMISSION_MS, CLOSE_S, GRANTS_A_S = 20.0, 2.0, 60.0, 200.0
PROVIDER: Final = UUID(ProviderRecordedV1.EXAMPLE["provider_id"])
STATEMENT: Final[dict[str, Any]] = {"legal_basis": ["P3.1.5"], "reasons": "Complete and checked."}
WHY: Final = WithReasons(reasons="Everything that we know was said.")
BEGAN: Final = at("2026-01-01T00:00")


def _id(kind: int, column: str = "n") -> str:
    """SQL: the id of the n-th thing of a kind; in the order in which they were made, as ours are."""
    return f"('01900000-0000-7000-800{kind}-' || lpad(to_hex({column}), 12, '0'))::uuid"


def _site(n: int) -> UUID:
    return UUID(f"01900000-0000-7000-8003-{n:012x}")


_RECORD: Final = SiteRecordedV1.EXAMPLE | {"domains": ["x.example"]}
FILL: Final = (
    f"""INSERT INTO operator (id, identity, document, kind, region, particulars, address, entered_by, created_at,
                              changed_at)
        SELECT {_id(1)}, 'B' || lpad(n::text, 17, '0'), 'credit_code', 'company', '110000',
               '{{"name": "Example Ltd"}}', '{{}}', 'bench', $2, $2 FROM generate_series(1, $1::bigint) n""",
    f"""INSERT INTO registration (id, operator_id, kind, level, region, status, number, last_ordinal, submitted_by,
                                  submitted_at, changed_at)
        SELECT {_id(2)}, {_id(1)}, 'filing', 'province', '110000', 'active', '京ICP备' || (90000000 + n) || '号', 1,
               'bench', $2, $2 FROM generate_series(1, $1::bigint) n""",
    f"""INSERT INTO site (id, version, registration_id, ordinal, name, service_items, status, changed_at)
        SELECT {_id(3)}, {VERSIONS}, {_id(2)}, 1, 'Example', '{{general}}', 'live', $2
          FROM generate_series(1, $1::bigint) n""",
    f"""INSERT INTO claim (domain, raw, registrable, site_id, operator_id, place, status)
        SELECT 's' || n || '.example', 's' || n || '.example', 's' || n || '.example', {_id(3)}, {_id(1)}, 1, 'live'
          FROM generate_series(1, $1::bigint) n WHERE $2::timestamptz IS NOT NULL""",
    f"""INSERT INTO access (id, site_id, operator_id, place, provider_id, ips, hosting_mode, region, status)
        SELECT {_id(4)}, {_id(3)}, {_id(1)}, 1, '{PROVIDER}',
               ARRAY['198.' || (18 + n % 2) || '.' || (n / 256 % 256) || '.' || (n % 256)], 'virtual_host', '110000',
               'live'
          FROM generate_series(1, $1::bigint) n WHERE $2::timestamptz IS NOT NULL""",
    f"""INSERT INTO site_version (site_id, version, record, cause, at)
        SELECT {_id(3)}, v, '{orjson.dumps(_RECORD).decode()}'::jsonb
                  || jsonb_build_object('site_id', {_id(3)}, 'version', v), '{{"kind": "import"}}',
               $2::timestamptz + v * interval '30 days'
          FROM generate_series(1, $1::bigint) n, generate_series(1, {VERSIONS}) v""",
)  # fmt: skip
"""A country's worth of sites, each of an operator of its own, with its past."""


async def run(size: str) -> list[Result]:
    """Fill a register, and ask it."""
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start()
        try:
            return [*await _grants(postgres, folder, size), *await _reviews(postgres, folder, size),
                    *await _country(postgres, folder, size)]  # fmt: skip
        finally:
            postgres.stop()


async def _database(postgres: EmbeddedPostgres, name: str) -> str:
    dsn = await postgres.ensure_database(name)
    if SERVICE.migrations is None:
        raise LookupError("the registry has no migrations")
    await migrations.upgrade(dsn, SERVICE.migrations)
    await seed_directory(dsn)
    return dsn


def _settings(folder: str) -> dict[str, Any]:
    keys = {"signing_keys_file": Path(folder) / "keys.json", "signing_keys_generate": True}
    return {"identity_key": "k" * 40, "profile": "cn-2006-demo", **keys}


async def _fill(dsn: str, count: int) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("ALTER TABLE site_version SET UNLOGGED")
    for statement in FILL:
        await connection.execute(statement, count, BEGAN)
    await connection.execute("ANALYZE operator, registration, site, claim, access, site_version")
    await connection.close()


async def _know_provider(rt: Runtime) -> None:
    async with rt.db.transaction() as tx:
        await heard.providers_recorded(rt, tx, [ProviderRecordedV1.model_validate(ProviderRecordedV1.EXAMPLE)])


async def _timed(times: int, ask: Callable[[int], Awaitable[Any]]) -> float:
    """The p99 of asking so many times, one after the other, in ms."""
    took = []
    for turn in range(times):
        began = time.perf_counter()
        await ask(turn)
        took.append((time.perf_counter() - began) * 1000)
    return percentile(took, 0.99)


async def _country(postgres: EmbeddedPostgres, folder: str, size: str) -> list[Result]:
    count, chance = SITES[size], random.Random(7)
    dsn = await _database(postgres, "country")
    await _fill(dsn, count)
    chosen = [_site(chance.randint(1, count)) for _ in range(ASKED)]
    async with running_service(SERVICE, dsn, **_settings(folder)) as api:
        rt = api.rt
        await _know_provider(rt)
        moment = at("2026-03-10T00:00")

        async def as_of(turn: int) -> None:
            async with rt.db.transaction() as tx:
                await sites.at(tx, rt, person("regulator-a"), chosen[turn], moment)

        async def row(turn: int) -> None:
            async with rt.db.connection() as tx:
                await tx.fetchrow("SELECT record FROM site_version WHERE site_id = $1 AND version = 2", chosen[turn])

        async def admitted(turn: int) -> None:
            async with rt.db.connection() as tx:
                candidate = _candidate(turn)
                facts = await admission.facts_of(rt, tx, [candidate])
                if admission.grounds(rt.rules, facts, candidate):
                    raise AssertionError("somebody who may is not admitted")

        async def looked_up(turn: int) -> None:
            async with rt.db.connection() as tx:
                await tx.fetchrow("SELECT site_id FROM claim WHERE domain = $1 AND status = 'live'", f"t{turn}.example")

        past, floor = await _timed(ASKED, as_of), await _timed(ASKED, row)
        admits, key = await _timed(ASKED, admitted), await _timed(ASKED, looked_up)
    note = f"{count:,} sites, {count * VERSIONS:,} versions; floor: {{}}"
    return [
        _within("as-of read p99", past, floor, AS_OF_MS, note.format("its row by its key")),
        _within("admission p99", admits, key, ADMISSION_MS, note.format("one name by its key")),
    ]


def _within(name: str, value: float, floor: float, most: float, note: str) -> Result:
    return Result(name, value, "ms", floor, value / floor, f"≤ {most:g} ms", value <= most, note)


def _candidate(turn: int) -> Candidate:
    name = f"t{turn}.example"
    hosted = Access(uuid7(), PROVIDER, (f"198.18.{turn % 256}.9",), "virtual_host", "110000", "live")
    return Candidate(f"C{turn:017}", uuid7(), "110000", "province", (Name(name, name, name),), ("general",), (hosted,))


async def _grants(postgres: EmbeddedPostgres, folder: str, size: str) -> list[Result]:
    count = GRANTS[size]
    dsn = await _database(postgres, "grants")
    async with running_service(SERVICE, dsn, **_settings(folder)) as api:
        rt, officer = api.rt, person("regulator-b")
        await _know_provider(rt)
        asked = await _submitted(rt, count)

        async def grant(registration_id: UUID) -> None:
            async with rt.db.transaction() as tx:
                body = Granting.model_validate({"statement": STATEMENT})
                await registrations.grant(tx, rt, officer, registration_id, body)

        rate = await _rate(asked, grant)
        async with rt.db.connection() as tx:
            numbers = await tx.fetchval("SELECT count(DISTINCT number) FROM registration")
            last = await tx.fetchval("SELECT last FROM number_counter WHERE region = '110000' AND kind = 'filing'")
        if (numbers, last) != (count, count):
            raise AssertionError(f"{numbers} numbers of {last} for {count} grants")

        async def drawn(registration_id: UUID) -> None:
            async with rt.db.connection() as tx, tx.transaction():
                await tx.execute("UPDATE number_counter SET last = last + 1 WHERE region = '110000'")
                await tx.execute("UPDATE registration SET changed_at = now() WHERE id = $1", registration_id)

        floor = await _rate(asked, drawn)
    note = f"{count:,} filings, {AT_ONCE} at once, no gap; floor: transactions that draw a number and change a row"
    return [at_least("grants", rate, "/s", floor, absolute=GRANTS_A_S, note=note)]


async def _submitted(rt: Runtime, count: int) -> list[UUID]:
    """Applications of so many operators."""
    connection_of, asked, who = rt.db.transaction, list[UUID](), person("regulator-a")
    for number in range(count):
        async with connection_of() as tx:
            code = uscc_with_check_digit(f"91110000{number:09d}")
            operator_id = uuid7()
            await tx.execute(
                """INSERT INTO operator (id, identity, document, kind, region, particulars, address, entered_by,
                                         created_at, changed_at)
                   VALUES ($1, $2, 'credit_code', 'company', '110000', '{"name": "Example"}', '{}', 'bench', $3, $3)""",
                operator_id, code, rt.clock.now(),
            )  # fmt: skip
            hosted = {"provider_id": str(PROVIDER), "ips": [f"198.18.{number // 256 % 256}.{number % 256}"]}
            site = {"name": "Example", "domains": [f"g{number}.example"], "accesses": [hosted]}
            body = NewRegistration.model_validate({
                "operator_id": operator_id, "kind": RegistrationKind.FILING, "site": site,
            })  # fmt: skip
            asked.append((await registrations.submit(tx, rt, who, body)).registration.id)
    return asked


async def _rate(ids: Iterable[UUID], do: Callable[[UUID], Awaitable[None]]) -> float:
    waiting, done = list(ids), 0
    count, began = len(waiting), time.perf_counter()

    async def worker() -> None:
        nonlocal done
        while waiting:
            await do(waiting.pop())
            done += 1

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    if done != count:
        raise AssertionError(f"{done} of {count} were done")
    return count / (time.perf_counter() - began)


async def _reviews(postgres: EmbeddedPostgres, folder: str, size: str) -> list[Result]:
    count, clock = REVIEWED[size], FixedClock(at("2027-03-02T00:00"))
    dsn = await _database(postgres, "reviews")
    await _fill(dsn, count)
    failing = count // FAILING
    async with running_service(SERVICE, dsn, clock=clock, **_settings(folder)) as api:
        rt = api.rt
        await _know_provider(rt)
        async with rt.db.transaction() as tx:
            review = (await reviews.announce(tx, rt, person("regulator-a"), NewReview(year=2027))).review
        opening = TickWorker(rt, {"review_opens": DEADLINES["review_opens"]})
        while await opening.tick():
            pass
        await _opinions(rt, review.id, failing)
        clock.advance(review.closes_at - clock.now())
        began = time.perf_counter()
        async with rt.db.transaction() as tx:
            await reviews.close(tx, rt, person("regulator-a"), review.id, WHY)
        kinds = ("review_results", "review_result")
        worker = TickWorker(rt, {kind: DEADLINES[kind] for kind in kinds})
        while await worker.tick():
            pass
        took = time.perf_counter() - began
        async with rt.db.connection() as tx:
            rows = await tx.fetch("SELECT status, count(*) AS n FROM review_subject GROUP BY status")
        told = {row["status"]: row["n"] for row in rows}
        if told.get("vetoed") != failing or told.get("under_review"):
            raise AssertionError(f"{failing} were to fail, and it is {told}")
        floor = await _plain(rt, failing)
    note = f"{count:,} subjects, {failing:,} failing, to the last notice; floor: as many rows, written plainly"
    return [Result("review close", took, "s", floor, took / floor, f"≤ {CLOSE_S:g} s", took <= CLOSE_S, note)]


async def _opinions(rt: Runtime, review_id: UUID, failing: int) -> None:
    """A standing opinion of the drug administration on every hundredth site, and the decision that it cites."""
    decision = DecisionReleasedV1.model_validate({**DecisionReleasedV1.EXAMPLE, "effect": "revoke"})
    done = ExecutionCarriedOutV1.model_validate(ExecutionCarriedOutV1.EXAMPLE)
    async with rt.db.connection() as tx:
        await tx.execute(
            f"""INSERT INTO execution (id, status, decision_id, case_id, effect, subject, site_id, operator_id,
                       decision, regulator_id, regulator, authority_id, region, level, signed_by, accepted_by,
                       confirmed_by, carried_out, received_at, changed_at)
                SELECT {_id(5)}, 'carried_out', {_id(6)}, {_id(7)}, 'revoke',
                       jsonb_build_object('kind', 'site', 'site_id', {_id(3)}), {_id(3)}, {_id(1)}, $2,
                       'industry-110000', $3, 'drugs-110000', '110000', 'province', '{{a,b}}', 'c', 'd', $4, $5, $5
                  FROM generate_series(1, $1::bigint) n""",
            failing, decision.model_dump(mode="json"), examples.REGULATOR, done.model_dump(mode="json"), rt.clock.now(),
        )  # fmt: skip
        await tx.execute(
            f"""INSERT INTO review_opinion (id, status, review_id, subject_id, authority_id, authority, level, region,
                       opinion, decision_id, statement, filed_by, filed_at, changed_at)
                SELECT {_id(8)}, 'standing', $2, s.id, 'drugs-110000', $3, 'province', '110000', 'close_site', {_id(6)},
                       $4, 'drugs-a', $5, $5
                  FROM generate_series(1, $1::bigint) n JOIN review_subject s ON s.site_id = {_id(3)}""",
            failing, review_id, examples.AUTHORITY, STATEMENT, rt.clock.now(),
        )  # fmt: skip


async def _plain(rt: Runtime, failing: int) -> float:
    """Every subject changed in one statement, and a transaction of six rows for each that fails."""
    began = time.perf_counter()
    async with rt.db.connection() as tx:
        await tx.execute("UPDATE review_subject SET version = version + 1")
        rows = await tx.fetch("SELECT id FROM review_subject WHERE status = 'vetoed'")
        await tx.execute("CREATE TABLE plain (id uuid, said text)")
        for row in rows:
            async with tx.transaction():
                await tx.execute("UPDATE review_subject SET changed_at = now() WHERE id = $1", row["id"])
                for _ in range(5):
                    await tx.execute("INSERT INTO plain VALUES ($1, $2)", row["id"], "x" * 800)
    if len(rows) != failing:
        raise AssertionError(f"{len(rows)} of {failing} were found")
    return time.perf_counter() - began
