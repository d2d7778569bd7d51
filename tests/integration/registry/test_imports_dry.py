"""A dry run says what the import would say, and leaves the register as it is."""

from typing import Any

import orjson
import pytest

from registry.importing.files import NDJSON
from registry.service import imports
from registry.service.imports import Wanted
from tests.integration.registry.conftest import Register, domain, uscc
from tests.integration.registry.test_imports import counts, record, results, sent
from tests.support.crash import everything
from tests.support.people import OPERATOR_USCC, person

OWN = frozenset({"import", "import_result", "import_taken", "audit"})
"""Tables that say what an import said."""


async def tried(register: Register, records: list[Any], status: int = 200, query: str = "") -> dict[str, Any]:
    body = b"\n".join(map(orjson.dumps, records))
    answer = await register.api.post(f"/imports?dry_run=true{query}", content=body, who="regulator-a")
    assert answer.status_code == status, answer.text
    return dict(answer.json())


def said(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(each["line"], each["kind"], each["code"], each["field"], each["value"]) for each in found]


async def _mixed(register: Register) -> list[Any]:
    """Rows of every fate: also such as meet each other, within a batch and across."""
    known = await register.live(OPERATOR_USCC)
    pending = await register.submitted({**_site(), "domains": [domain()]}, uscc(60))
    twice, alone = domain(), "198.18.7.7"
    return [
        record(1, domain=twice), record(2, number="京ICP备00000777号"), record(3, ips=alone, hosting_mode="dedicated"),
        record(4, service_items="healthcare"), record(5, domain="no name"), record(6, region="310000"),
        record(7, domain=known["domains"][0]), record(60), record(8, domain=pending["sites"][0]["domains"][0]),
        record(9, provider_id="01940000-0000-7000-8000-00000000dead"),
        # and once more, in a later batch
        record(10, domain=twice), record(1, domain=twice, site_name="Another"), record(11, number="京ICP备00000777号"),
        record(12, ips=alone), record(1, operator_name="Other Ltd"), record(2, number="京ICP备00000999号"),
        record(13, operator_uscc=uscc(13)[:17] + "?"), record(1, domain=twice, site_name="Shop"), record(14),
    ]  # fmt: skip


def _site() -> dict[str, Any]:
    return {
        "name": "Pharmacy", "service_items": ["general"],
        "accesses": [{"provider_id": record(1)["provider_id"], "ips": ["198.18.0.10"]}],
    }  # fmt: skip


@pytest.mark.parametrize("size", [3, 7, 1000])
async def test_a_dry_run_says_what_the_import_says_and_enters_nothing(
    register: Register, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(imports, "BATCH", size)
    rows = await _mixed(register)
    before = {name: digest for name, digest in (await everything(register.api.rt)).items() if name not in OWN}
    dry = await tried(register, rows)
    after = {name: digest for name, digest in (await everything(register.api.rt)).items() if name not in OWN}
    assert after == before
    assert (dry["dry_run"], dry["status"]) == (True, "done")
    real = await sent(register, rows)
    assert counts(dry) == counts(real)
    assert counts(real)[0] >= 5
    assert counts(real)[2] >= 9
    assert said(await results(register, dry)) == said(await results(register, real))


async def test_the_line_of_the_first_is_named_also_across_batches(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 2)
    twice = domain()
    dry = await tried(register, [record(1, domain=twice), record(2), record(3), record(4, domain=twice)])
    (found,) = await results(register, dry)
    assert (found["line"], found["code"], found["value"]) == (4, "domain_taken", twice)
    assert "line 1" in found["message"]


async def test_whoever_wants_sees_what_would_go_in(register: Register) -> None:
    dry = await tried(register, [record(1), record(2, number="京ICP备00000007号")], query="&all=true")
    found = await results(register, dry)
    assert [(each["line"], each["kind"], each["number"], each["site_id"]) for each in found] == [
        (1, "accepted", None, None), (2, "accepted", "京ICP备00000007号", None)
    ]  # fmt: skip
    assert await register.fetchval("SELECT count(*) FROM site") == 0


async def test_a_dry_run_checks_no_more_than_it_can_remember(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "MOST_CHECKED", 4)
    refused = await tried(register, [record(n) for n in range(1, 8)], status=422)
    assert refused["code"] == "too_many_to_check"
    assert counts(await sent(register, [record(n) for n in range(1, 8)]))[0] == 7, "an import has no such limit"


async def test_nobody_imports_who_may_not_even_to_look(register: Register) -> None:
    for who, status in (("desk-a", 403), ("applicant", 403), ("regulator-a", 200)):
        answer = await register.api.post("/imports?dry_run=true", content=b"{}", who=who)
        assert answer.status_code == status, answer.text


async def test_many_dry_rows_hold_up_nobody(register: Register) -> None:
    async def rows() -> Any:
        for n in range(1, 30):
            yield orjson.dumps(record(n)) + b"\n"
        granted = await register.active({**_site(), "domains": [domain()]}, uscc(5))
        assert granted["number"] == "京ICP备00000001号", "somebody was registered while it ran"

    done = await imports.run(register.api.rt, person("regulator-a"), rows(), Wanted(NDJSON, dry_run=True))
    assert done.accepted == 29
