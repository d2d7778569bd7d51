"""Existing registrations entered from a stream: what is wrong is listed, the rest goes in, nothing goes in twice."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import orjson
import pytest
from starlette.requests import ClientDisconnect

from registry.importing.files import NDJSON
from registry.importing.records import check
from registry.importing.rows import Row, read_json
from registry.policy import POLICY, Act
from registry.service import import_batch, imports
from registry.service.imports import Wanted
from registry.store import imports as store
from registry.store.imports import Mark
from shared.contracts.registry import SiteRecordedV1
from shared.runtime.base.ids import uuid7
from shared.runtime.db.at_commit import MANY
from tests.integration.registry.conftest import (
    PROVIDER,
    Register,
    a_site,
    access,
    domain,
    owner,
    uscc,
)
from tests.support.crash import survives
from tests.support.people import OPERATOR_USCC, person


def record(which: int = 1, /, **changes: Any) -> dict[str, Any]:
    return {
        "operator_name": f"Shop {which} Ltd", "operator_uscc": uscc(which), "region": "110000", "site_name": "Shop",
        "domain": domain(), "provider_id": str(PROVIDER), "ips": "198.18.0.10",
    } | changes  # fmt: skip


async def sent(
    register: Register,
    records: list[Any] | bytes,
    who: Any = "regulator-a",
    status: int = 200,
    kind: str = NDJSON,
) -> dict[str, Any]:
    body = records if isinstance(records, bytes) else b"\n".join(map(orjson.dumps, records))
    answer = await register.api.post("/imports", content=body, who=who, headers={"Content-Type": kind})
    assert answer.status_code == status, answer.text
    return dict(answer.json())


async def results(register: Register, done: dict[str, Any], who: Any = "regulator-a") -> list[dict[str, Any]]:
    answer = await register.api.get(f"/imports/{done['id']}/results", who=who)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def codes(register: Register, done: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(each["line"], each["kind"], each["code"]) for each in await results(register, done)]


def counts(done: dict[str, Any]) -> tuple[int, int, int, int]:
    assert done["records"] == done["accepted"] + done["unchanged"] + done["rejected"], "the counts add up"
    return done["accepted"], done["unchanged"], done["rejected"], done["findings"]


async def test_the_same_file_twice_changes_nothing(register: Register) -> None:
    records = [record(1), record(2, number="京ICP备00000007号"), record(2, number="京ICP备00000007号"), record(3)]
    first = await sent(register, records)
    assert counts(first) == (4, 0, 0, 0)
    told = await register.told(SiteRecordedV1)
    assert sorted(each.number for each in told) == [
        f"京ICP备{number}" for number in ("00000007号-1", "00000007号-2", "00000008号-1", "00000009号-1")
    ]
    second = await sent(register, records)
    assert counts(second) == (0, 4, 0, 0)
    assert len(await register.told(SiteRecordedV1)) == 4
    assert (await register.active(a_site(domain()), uscc(9)))["number"] == "京ICP备00000010号"
    operators = await register.fetchval("SELECT count(*) FROM operator_version WHERE cause->>'kind' = 'import'")
    assert operators == 3, "an operator that came with an import has its first version, too"


async def test_a_csv_with_faults_of_every_kind_goes_in_around_them(register: Register) -> None:
    fields = list(record(1))
    good = [record(n) for n in range(1, 4)]
    rows = [",".join(str(each[name]) for name in fields) for each in good]
    body = "\n".join([",".join(fields), rows[0], rows[1].replace("Shop 2", '"Shop 2'), "a\rb", rows[2] + ",x", rows[2]])
    done = await sent(register, body.encode(), kind="text/csv; charset=utf-8")
    assert counts(done) == (2, 0, 3, 0)
    assert await codes(register, done) == [
        (3, "rejected", "open_quote"), (4, "rejected", "bad_csv"), (5, "rejected", "wrong_columns")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"domain": "a.example"}\n', "text/csv", 422), (b"operator_name,Number\n", "text/csv", 422),
        ("地区\n北京\n".encode("gb18030"), "text/csv", 422), (b"a,b\rc,d\r", "text/csv", 422),
        (b"x", "text/csv; charset=latin-1", 422), (b"{}", "application/json", 415),
    ],
)  # fmt: skip
async def test_a_file_that_is_not_what_it_is_said_to_be_is_refused(
    register: Register, body: bytes, kind: str, status: int
) -> None:
    await sent(register, body, status=status, kind=kind)
    assert await register.fetchval("SELECT count(*) FROM operator") == 0


async def test_a_file_in_gb18030_goes_in_when_it_says_so(register: Register) -> None:
    fields = list(record(1))
    each = record(1, operator_name="北京药店有限公司")
    body = "\n".join([",".join(fields), ",".join(str(each[name]) for name in fields)]).encode("gb18030")
    assert counts(await sent(register, body, kind="text/csv; charset=GBK")) == (1, 0, 0, 0)
    assert await register.fetchval("SELECT particulars->>'name' FROM operator") == "北京药店有限公司"


async def test_a_rejected_record_claims_nothing(register: Register) -> None:
    number = "京ICP备00000007号"
    rejected = record(1, number=number, provider_id="01940000-0000-7000-8000-00000000dead")
    done = await sent(register, [rejected, record(2, number=number, domain=rejected["domain"])])
    assert await codes(register, done) == [(1, "rejected", "provider_unlicensed")]
    assert counts(done) == (1, 0, 1, 0)
    assert await register.fetchval("SELECT count(*) FROM operator") == 1, "nor is its operator entered"


async def test_an_operator_is_as_the_first_record_says_that_went_in(register: Register) -> None:
    done = await sent(register, [
        record(1, operator_name="Wrong Ltd", ips="198.18.0.1", provider_id="01940000-0000-7000-8000-00000000dead"),
        record(1, operator_name="Right Ltd"), record(1, operator_name="Other Ltd"),
    ])  # fmt: skip
    assert await codes(register, done) == [(1, "rejected", "provider_unlicensed"), (3, "finding", "operator_differs")]
    assert await register.fetchval("SELECT particulars->>'name' FROM operator") == "Right Ltd"


async def test_what_lacks_a_consent_goes_in_and_each_item_is_a_finding(register: Register) -> None:
    done = await sent(register, [record(1, service_items="healthcare;drugs_and_devices")])
    assert counts(done) == (1, 0, 0, 2)
    assert await codes(register, done) == [(1, "finding", "approval_missing")] * 2


async def test_records_that_contradict_the_register_are_rejected(register: Register) -> None:
    known = await register.live(OPERATOR_USCC)
    host, number = known["domains"][0], known["number"].rpartition("-")[0]
    same = record(operator_uscc=OPERATOR_USCC, operator_name="Example Pharmacy Ltd", site_name="Pharmacy", domain=host)
    shanghai = await register.operator(uscc(5), ("shanghai-regulator-a", {}), region="310000")
    assert shanghai
    pending = await register.submitted(a_site(domain()), uscc(6))
    wrong = [
        same | {"site_name": "Another"}, record(2, domain=host), record(3, number=number),
        same | {"domain": domain(), "number": "京ICP备00000099号"}, same | {"number": "京ICP备00000099号"},
        record(5), record(6), record(7, domain=pending["sites"][0]["domains"][0]), record(8, region="310000"),
        record(9, ips="198.18.0.10", hosting_mode="dedicated"),
    ]  # fmt: skip
    done = await sent(register, [same, *wrong])
    assert counts(done) == (0, 1, len(wrong), 0)
    assert [code for _, _, code in await codes(register, done)] == [
        "differs", "domain_taken", "number_taken", "other_number", "other_number", "operator_elsewhere",
        "filing_pending", "domain_taken", "out_of_region", "address_taken",
    ]  # fmt: skip


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
async def test_an_address_that_several_share_is_nobodys_alone(
    register: Register, monkeypatch: pytest.MonkeyPatch, order: tuple[int, ...], *, dry_run: bool
) -> None:
    """Whoever of those who share it comes last: also the last of them cannot have it alone, nor what one has others."""
    ip, size = "198.18.9.9", 1 if dry_run else 100
    monkeypatch.setattr(imports, "BATCH", size)
    rows = [record(which, ips=ip) for which in order]
    rows += [record(which, ips=ip, hosting_mode="dedicated") for which in order]
    rows += [record(4, ips="198.18.9.8", hosting_mode="dedicated"), record(4, ips="198.18.9.8"),
             record(5, ips="198.18.9.8")]  # fmt: skip
    body = b"\n".join(map(orjson.dumps, rows))
    path = f"/imports?dry_run={str(dry_run).lower()}"
    answer = await register.api.post(path, content=body, who="regulator-a", headers={"Content-Type": NDJSON})
    done = answer.json()
    assert counts(done) == (5, 0, 4, 0)
    assert await codes(register, done) == [(line, "rejected", "address_taken") for line in (4, 5, 6, 9)]


async def test_an_import_revives_nothing_that_ended_or_that_a_measure_hit(register: Register) -> None:
    revoked, ended = await register.live(uscc(1)), await register.live(uscc(2))
    await register.carried_out(await register.decided(revoked))
    await register.post(f"/sites/{ended['id']}/deregistration", {"reasons": "We close this shop."}, owner(uscc(2)))
    facts = len(await register.told(SiteRecordedV1))
    done = await sent(register, [
        record(1, domain=revoked["domains"][0]), record(2, number=ended["number"].rpartition("-")[0]), record(3)
    ])  # fmt: skip
    assert await codes(register, done) == [(1, "rejected", "not_live"), (2, "rejected", "number_ended")]
    assert counts(done) == (1, 0, 2, 0)
    assert len(await register.told(SiteRecordedV1)) == facts + 1
    assert (await register.get(f"/sites/{revoked['id']}", "regulator-a"))["status"] == "revoked"


async def test_a_name_that_was_claimed_for_too_long_is_entered(register: Register) -> None:
    late = await register.submitted(a_site(domain(), accesses=[access("198.18.0.9", "dedicated")]), uscc(1))
    from_then = record(2, domain=late["sites"][0]["domains"][0], ips="198.18.0.9")
    assert counts(await sent(register, [from_then])) == (0, 0, 1, 0)
    await register.ring("registration_decision", late["id"])
    register.clock.advance(timedelta(days=31))
    assert counts(await sent(register, [from_then])) == (1, 0, 0, 0)


async def test_values_of_any_json_type_reject_their_record_and_end_nothing(register: Register) -> None:
    odd = [record(n, **{field: value}) for n, (field, value) in enumerate(
        [("hosting_mode", []), ("hosting_mode", ["x"]), ("operator_kind", {"a": 1}), ("number", ["x"]), ("number", {}),
         ("domain", {"a": 1}), ("ips", 5), ("service_items", True), ("provider_id", 3), ("region", None)],
        1)]  # fmt: skip
    done = await sent(register, [*odd, record(99)])
    assert counts(done)[2] >= 9
    assert done["status"] == "done"


async def test_no_persons_number_is_kept_of_a_rejected_record(register: Register) -> None:
    done = await sent(
        register, [record(1, operator_uscc="11010519491231002X"), record(1, site_name=110105194912310021)]
    )
    assert counts(done) == (0, 0, 2, 0)
    assert "1101051949123100" not in json.dumps(await results(register, done))


async def test_four_who_send_the_same_file_at_once_enter_it_once(register: Register) -> None:
    records = [record(n) for n in range(1, 120)]
    done = await asyncio.gather(*(sent(register, records) for _ in range(4)))
    assert sum(counts(each)[0] for each in done) == 119
    assert all(each["status"] == "done" and not each["rejected"] for each in done)
    assert len(await register.told(SiteRecordedV1)) == 119
    numbers = await register.fetchval("SELECT array_agg(number ORDER BY number) FROM registration")
    assert numbers == [f"京ICP备{n:08d}号" for n in range(1, 120)]


async def test_of_two_imports_that_want_one_dedicated_address_at_once_one_gets_it(register: Register) -> None:
    for attempt in range(6):
        ip = f"198.18.9.{attempt + 1}"
        done = await asyncio.gather(*(
            sent(register, [record(1000 + 2 * attempt + n, ips=ip, hosting_mode="dedicated")]) for n in range(2)
        ))  # fmt: skip
        assert sorted(counts(each)[0] for each in done) == [0, 1], attempt


async def test_a_site_imported_while_its_operator_is_hit_is_in_the_register_once_and_hosted(register: Register) -> None:
    site = await register.live(uscc(1))
    decision = await register.decided(site)
    number = site["number"].rpartition("-")[0]
    new = record(1, number=number, operator_name="Example Pharmacy Ltd", ips="198.18.0.77")
    await asyncio.gather(register.carried_out(decision), sent(register, [new]))
    shown = await register.get(f"/registrations/{site['registration_id']}", "regulator-a")
    assert [(each["number"], each["status"]) for each in shown["sites"]] == [
        (f"{number}-1", "revoked"), (f"{number}-2", "live")
    ], "one site was decided about; its sibling is not meant, and the register tells of both"  # fmt: skip
    assert {told.status for told in await register.told(SiteRecordedV1)} == {"live", "revoked"}


async def test_whole_batches_are_in_when_the_sender_breaks_off(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 10)
    records = [record(n) for n in range(1, 26)]

    async def broken() -> AsyncIterator[bytes]:
        for each in records:
            yield orjson.dumps(each) + b"\n"
        raise ClientDisconnect

    rt = register.api.rt
    stopped = await imports.run(rt, person("regulator-a"), broken(), Wanted(NDJSON, "half.ndjson"))
    assert (stopped.status, stopped.accepted) == ("interrupted", 20)
    assert counts(await sent(register, records)) == (5, 20, 0, 0)


async def test_a_batch_killed_between_any_two_statements_or_copies_left_nothing_and_goes_in_once(
    register: Register,
) -> None:
    rt, rows = register.api.rt, [Row(n, orjson.dumps(record(n))) for n in range(1, MANY + 1)]
    reach, who, import_id = POLICY.reach(person("regulator-a"), Act.IMPORT), person("regulator-a"), uuid7()
    async with rt.db.transaction() as tx:
        await store.add(
            tx, import_id, organisation_id=who.organisation, by=who.person, filename=None, media_type=NDJSON,
            dry_run=False, keeps_all=False, total_bytes=None, at=rt.clock.now(),
        )  # fmt: skip
        begun = await store.get(tx, import_id)
    records = [check(row, read_json(row), rt.rules, reach) for row in rows]

    async def batch() -> None:
        async with rt.db.transaction() as tx:
            await import_batch.write(rt, tx, who, begun, records, [], Mark(MANY + 1, b"", 0, None, recognised=False))

    await survives(rt, batch, least=15)
    assert (await register.get(f"/imports/{import_id}", "regulator-a"))["accepted"] == MANY


async def test_an_import_whose_process_was_killed_does_not_say_for_ever_that_it_runs(register: Register) -> None:
    done = await sent(register, [record(1)])
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE import SET status = 'running' WHERE id = $1", UUID(done["id"]))
    for later, status in ((timedelta(), "running"), (imports.SILENT, "running"), (timedelta(seconds=1), "interrupted")):
        register.clock.advance(later)
        shown = await register.get(f"/imports/{done['id']}", "regulator-a")
        assert (shown["status"], shown["accepted"]) == (status, 1)


async def test_results_of_many_rows_come_in_the_order_of_the_file(register: Register) -> None:
    done = await sent(register, [record(1, domain="no name") for _ in range(2500)])
    assert [each["line"] for each in await results(register, done)] == list(range(1, 2501))
