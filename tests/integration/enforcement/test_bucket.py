"""Evidence in a bucket of a real store that speaks S3, over the service's own door."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from enforcement.main import SERVICE
from enforcement.service import custody
from shared.contracts.access import ProviderRecordedV1
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.stores import FileStoreUnavailable
from tests.integration.enforcement.conftest import STATED, Office
from tests.support.bucket import Bucket, running
from tests.support.fixtures import MakeDatabase
from tests.support.service import running_service


@pytest.fixture
async def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bucket]:
    async with running(tmp_path, monkeypatch) as found:
        yield found


@pytest.fixture
async def office(
    make_database: MakeDatabase, clock: FixedClock, tmp_path: Path, bucket: Bucket
) -> AsyncIterator[Office]:
    settings: dict[str, Any] = {
        "signing_keys_file": tmp_path / "keys.json", "signing_keys_generate": True, "evidence_store": bucket.url,
    }  # fmt: skip
    async with running_service(SERVICE, await make_database("enforcement"), clock=clock, **settings) as api:
        found = Office(api, clock)
        await found.hear(ProviderRecordedV1.model_validate(ProviderRecordedV1.EXAMPLE))
        yield found


async def test_a_piece_is_filed_read_rechecked_found_damaged_mended_and_deleted_at_its_end(
    office: Office, bucket: Bucket
) -> None:
    case, content = await office.case(), b"The order book of 2006."
    sha256 = await office.file(case["id"], content)
    answer = await office.api.get(f"/evidence/{sha256}", who="drugs-a")
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["Content-Length"] == str(len(content))
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{sha256}"'
    bucket.forge(sha256, content.replace(b"2006", b"2007"))
    assert (await office.api.get(f"/evidence/{sha256}", who="drugs-a")).json()["code"] == "evidence_damaged"
    office.clock.advance(timedelta(days=office.api.rt.rules.cases.recheck_days))
    assert await custody.recheck(office.api.rt) == 1
    assert await office.file(case["id"], content) == sha256
    assert (await office.api.get(f"/evidence/{sha256}", who="drugs-a")).content == content
    await office.post(f"/cases/{case['id']}/discontinuation", STATED, "drugs-a")
    office.clock.advance(timedelta(days=366 * 11))
    await custody.retire(office.api.rt)
    assert bucket.objects() == []


async def test_while_the_store_is_away_nothing_is_filed_and_nothing_is_called_damaged(
    office: Office, bucket: Bucket
) -> None:
    case = await office.case()
    sha256 = await office.file(case["id"], b"The order book of 2006.")
    bucket.stop()
    for answer in (
        await office.api.get(f"/evidence/{sha256}", who="drugs-a"),
        await office.api.post(
            f"/cases/{case['id']}/evidence", content=b"More.", who="drugs-a", headers={"Content-Type": "text/plain"}
        ),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "file_store_unavailable")
        assert answer.headers["Retry-After"] == "5"
    office.clock.advance(timedelta(days=office.api.rt.rules.cases.recheck_days))
    with pytest.raises(FileStoreUnavailable):
        await custody.recheck(office.api.rt)
    assert await office.fetchval("SELECT count(*) FROM evidence_event WHERE event IN ('sound', 'damaged')") == 0
    await bucket.start()
    assert await custody.recheck(office.api.rt) == 0
    assert await office.fetchval("SELECT count(*) FROM evidence_event WHERE event = 'sound'") > 0
