"""Mail that comes back to enforcement: the door, what had counted on the delivery, and acts of other departments."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from enforcement.main import SERVICE
from shared.contracts.access import ProviderRecordedV1
from shared.contracts.enforcement import DecisionSuspendedV1
from shared.contracts.notices import RegistryNoticeDeliveredV1, RegistryNoticeIssuedV1, RegistryNoticeReturnedV1
from shared.runtime.acts import notices
from shared.runtime.acts.returned import LARGEST
from shared.runtime.base.clock import FixedClock
from tests.integration.enforcement.conftest import EASED, STATED, Office, site_recorded
from tests.integration.enforcement.test_clocks import travel
from tests.integration.runtime.test_returned_mail import RETURNS, report
from tests.support.fixtures import MakeDatabase
from tests.support.service import running_service

SECRET: Final = RETURNS["smtp_returns_secret"]
MAILED: Final = """
UPDATE delivery SET state = 'delivered', attempts = 1, retry_at = NULL, changed_at = $2
  FROM notice WHERE notice.id = notice_id AND about_id = $1 AND kind = $3 RETURNING notice_id, return_token
"""
WITH_MAIL: Final[dict[str, Any]] = {"email": "legal@pharmacy.example", "email_verified": True}


@pytest.fixture
async def office(make_database: MakeDatabase, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Office]:
    settings: dict[str, Any] = {
        "signing_keys_file": tmp_path / "keys.json", "signing_keys_generate": True,
        "evidence_store": tmp_path / "evidence", **RETURNS,
    }  # fmt: skip
    async with running_service(SERVICE, await make_database("enforcement"), clock=clock, **settings) as api:
        found = Office(api, clock)
        await found.hear(ProviderRecordedV1.model_validate(ProviderRecordedV1.EXAMPLE))
        yield found


async def mailed(office: Office, act_id: str, kind: str) -> str:
    """A mail server took the notice; gives the token of its return address."""
    at = office.clock.now()
    async with office.api.rt.db.transaction() as tx:
        row = await tx.fetchrow(MAILED, UUID(act_id), at, kind)
        assert row is not None
        await notices.delivered(tx, row["notice_id"], by="email", at=at)
    return str(row["return_token"])


async def handed_in(office: Office, token: str, body: bytes | None = None, secret: str | None = SECRET) -> int:
    headers = {"Return-Token": token, "Content-Type": "message/rfc822"}
    if secret is not None:
        headers["Returns-Secret"] = secret
    answer = await office.api.post("/returned-mails", content=report() if body is None else body, headers=headers)
    return int(answer.status_code)


async def urgent(office: Office) -> dict[str, Any]:
    site = site_recorded(
        operator=site_recorded().model_dump(mode="json")["operator"] | {"address_for_service": WITH_MAIL}
    )
    ground = next(iter(office.api.rt.rules.urgent_grounds))
    until = (office.clock.now() + timedelta(days=20)).isoformat()
    return await office.release(
        await office.draft(await office.case(site), "suspend_access", urgent_ground=ground, until=until)
    )


async def state_of(office: Office, decision: dict[str, Any]) -> Any:
    return await office.fetchval(
        "SELECT delivered_by FROM notice WHERE about_id = $1 AND kind = 'decision_released'", UUID(decision["id"])
    )


async def test_only_the_mail_server_hands_in_mail_and_no_more_than_a_report_is_large(office: Office) -> None:
    decision = await urgent(office)
    token = await mailed(office, decision["id"], "decision_released")
    for secret in (None, "", SECRET[:-1], SECRET + "s"):
        assert await handed_in(office, token, secret=secret) == 403, secret
    assert await handed_in(office, token, b"x" * (LARGEST + 1)) == 413
    assert await handed_in(office, "0" * 32) == 204, "whoever guesses learns nothing"
    assert await handed_in(office, token, b"Subject: Out of office\r\n\r\nAction: failed") == 204
    assert await state_of(office, decision) == "email"
    assert await handed_in(office, token.upper()) == 204, "a server may write it so"
    assert await state_of(office, decision) is None
    [item] = (await office.get("/notices?kind=decision_released", "drugs-a"))["items"]
    seen = await office.get(f"/notices/{item['id']}", "drugs-a")
    assert [(each["channel"], each["state"]) for each in seen["deliveries"]] == [
        ("inbox", "sent"),
        ("email", "bounced"),
    ]
    assert "mail_returned" in await office.notices("drugs-a")
    assert "mail_returned" not in await office.notices(), "it is the authority's business"


async def test_a_department_without_a_return_address_takes_no_mail(
    make_database: MakeDatabase, clock: FixedClock, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {
        "signing_keys_file": tmp_path / "k.json", "signing_keys_generate": True, "evidence_store": tmp_path / "e",
    }  # fmt: skip
    async with running_service(SERVICE, await make_database("enforcement"), clock=clock, **settings) as api:
        assert await handed_in(Office(api, clock), "0" * 32) == 404


async def test_an_urgent_measure_whose_mail_comes_back_after_its_day_is_suspended(office: Office) -> None:
    decision = await urgent(office)
    token = await mailed(office, decision["id"], "decision_released")
    assert await travel(office, office.clock.now() + timedelta(hours=25)) == 1
    assert await office.status(decision) == "released", "it was delivered"
    office.clock.advance(timedelta(hours=20))
    await handed_in(office, token)
    assert await travel(office, office.clock.now() + timedelta(seconds=1)) == 1
    assert await office.status(decision) == "suspended"
    assert await travel(office, office.clock.now() + timedelta(seconds=1)) == 0


async def test_the_time_to_appeal_against_an_act_of_another_department_runs_from_the_other_delivery(
    office: Office,
) -> None:
    issued = RegistryNoticeIssuedV1.model_validate({
        **RegistryNoticeIssuedV1.EXAMPLE, "issued_at": office.clock.now(),
        "act": {**RegistryNoticeIssuedV1.EXAMPLE["act"], "service": "registry"},
    })  # fmt: skip
    of_it = {"act_id": issued.act_id, "act": issued.act, "notice_id": issued.notice_id}
    await office.hear(issued)
    delivered = "SELECT delivered_at FROM foreign_act WHERE act_id = $1"
    first = office.clock.now()
    await office.hear(RegistryNoticeDeliveredV1(**of_it, delivered_at=first))
    assert await office.fetchval(delivered, issued.act_id) == first
    stale = {**of_it, "notice_id": issued.act_id}
    await office.hear(RegistryNoticeReturnedV1(**stale, returned_at=first))
    assert await office.fetchval(delivered, issued.act_id) == first, "of an earlier doing of the act"
    await office.hear(RegistryNoticeReturnedV1(**of_it, returned_at=first))
    assert await office.fetchval(delivered, issued.act_id) is None
    await office.hear(RegistryNoticeDeliveredV1(**of_it, delivered_at=first + timedelta(days=3)))
    assert await office.fetchval(delivered, issued.act_id) == first + timedelta(days=3)


async def on_mail(office: Office, effect: str = "suspend_access", days: int = 4) -> tuple[dict[str, Any], str]:
    """A measure that was released on a mail, and the token of that; its own mail was not sent yet."""
    site = site_recorded(
        operator=site_recorded().model_dump(mode="json")["operator"] | {"address_for_service": WITH_MAIL}
    )
    until = (office.clock.now() + timedelta(days=25)).isoformat()
    drafted = await office.draft(await office.case(site), effect, **({"until": until} if effect != "revoke" else {}))
    token = await mailed(office, drafted["id"], "decision_intended")
    office.clock.advance(timedelta(days=days))
    released = await office.release(drafted)
    await office.executed(released)
    return released, token


async def passes(office: Office, **time: float) -> int:
    return await travel(office, office.clock.now() + timedelta(**time))


async def test_what_was_released_on_a_mail_that_comes_back_has_a_day_to_be_told_otherwise_or_is_suspended(
    office: Office,
) -> None:
    decision, token = await on_mail(office)
    await passes(office, hours=20)
    assert await handed_in(office, token) == 204
    await passes(office, seconds=1)
    assert await office.status(decision) == "executed", "its authority can still tell them"
    assert {"mail_returned", "notice_came_back"} <= set(await office.notices("drugs-a"))
    [told] = (await office.get("/notices?kind=notice_came_back", "drugs-a"))["items"]
    assert told["answer_by"] is not None
    assert "notice_came_back" not in await office.notices()
    await passes(office, hours=23, minutes=59)
    assert await office.status(decision) == "executed"
    await passes(office, minutes=2)
    assert await office.status(decision) == "suspended"
    assert [each.because for each in await office.told(DecisionSuspendedV1)] == ["notice_late"]
    await passes(office, days=30)
    assert len(await office.told(DecisionSuspendedV1)) == 1


@pytest.mark.parametrize("kind", ["decision_intended", "decision_released"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_whoever_was_really_told_of_either_bears_what_was_decided(office: Office, kind: str, when: str) -> None:
    decision, token = await on_mail(office)
    if when == "before":
        await office.opens(decision, kind)
    await handed_in(office, token)
    await passes(office, seconds=1)
    if when == "after":
        await office.opens(decision, kind)
    await passes(office, hours=25)
    await passes(office, days=20)
    assert await office.status(decision) == "executed"


async def test_when_the_mail_of_the_decision_comes_back_as_well_there_is_a_day_from_then(office: Office) -> None:
    decision, token = await on_mail(office)
    second = await mailed(office, decision["id"], "decision_released")
    await handed_in(office, token)
    await passes(office, days=2)
    assert await office.status(decision) == "executed", "a server took the other one"
    await handed_in(office, second)
    await passes(office, seconds=1)
    assert await office.status(decision) == "executed"
    await passes(office, hours=25)
    assert await office.status(decision) == "suspended"


async def test_a_mail_that_stays_where_it_is_and_one_deemed_delivered_suspend_nothing(office: Office) -> None:
    stays, _ = await on_mail(office)
    assert await passes(office, days=8) > 0
    assert await office.status(stays) == "executed"
    ended, token = await on_mail(office)
    await office.post(f"/decisions/{ended['id']}/lift", {"statement": STATED["statement"]}, "drugs-a")
    await handed_in(office, token)
    await passes(office, days=8)
    assert await office.status(ended) == "ended"
    assert "notice_came_back" not in await office.notices("drugs-a")
    fell, token = await on_mail(office)
    filed = await office.appeal(fell)
    await office.post(f"/appeals/{filed['id']}/decision", {"outcome": "upheld", **EASED}, "review-a")
    await handed_in(office, token)
    await passes(office, seconds=1)
    await passes(office, days=8)
    assert await office.status(fell) == "overturned"
    assert "notice_came_back" not in await office.notices("drugs-a"), "there is nothing to suspend"
    late, token = await on_mail(office, "revoke", days=9)
    assert await handed_in(office, token) == 204, "no mail comes back after a week"
    await passes(office, days=8)
    assert await office.status(late) == "executed"


async def test_an_urgent_measure_whose_mail_comes_back_within_its_day_keeps_the_rest_of_it(office: Office) -> None:
    decision = await urgent(office)
    token = await mailed(office, decision["id"], "decision_released")
    office.clock.advance(timedelta(hours=5))
    await handed_in(office, token)
    assert await passes(office, seconds=1) == 0
    assert await office.status(decision) == "released"
    await passes(office, hours=20)
    assert await office.status(decision) == "suspended"
