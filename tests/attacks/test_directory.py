"""Ways to choose who reviews oneself by way of the directory."""

from typing import Any

import pytest

from shared.runtime.acts import notices
from shared.runtime.base.context import Caller
from shared.runtime.web.inbox import POLICY, Act
from tests.integration.coordination.conftest import office  # noqa: F401 - a fixture
from tests.integration.coordination.office import NATIONAL, NATIONAL_B, Office
from tests.support.people import at, person


async def reviewers(office: Office, organisation: str = "drugs-110000") -> list[str]:  # noqa: F811
    directory = office.api.rt.directory
    async with office.api.rt.db.connection() as tx:
        await directory.refresh(tx)
    return [each.id for each in directory.review_bodies_for(directory.authority_ref(organisation))]


@pytest.mark.parametrize(
    "changes",
    [
        {"kinds": ["review_body"]},
        {"kinds": ["review_body"], "id": "areview-110000"},
        # Whoever supervises the review body and is below the authority would put it below the authority too.
        {"supervises": ["review-110000", "review"], "parent": "drugs-110000"},
    ],
)
async def test_one_person_alone_changes_nothing_about_who_reviews_whom(
    office: Office,  # noqa: F811
    changes: dict[str, Any],
) -> None:
    before = await reviewers(office)
    assert before[0] == "review-110000"
    proposed = await office.enter(**changes)
    assert proposed.status_code == 201, proposed.text
    assert await reviewers(office) == before
    own = await office.confirm(proposed.json(), NATIONAL)
    assert (own.status_code, own.json()["code"]) == (409, "second_person_required")
    assert await reviewers(office) == before
    assert (await office.confirm(proposed.json(), NATIONAL_B)).status_code == 200
    assert await reviewers(office) != before, "two people can, and history says who"


async def test_nobody_acts_for_an_organisation_that_one_person_entered(office: Office) -> None:  # noqa: F811
    await office.enter(kinds=["review_body"])
    async with office.api.rt.db.connection() as tx:
        await office.api.rt.directory.refresh(tx)
    who = ("somebody", {"organisation": "port-110000", "roles": ["review_body"]})
    answer = await office.api.get("/organisations", who=who)
    assert (answer.status_code, answer.json()["code"]) == (403, "organisation_unknown")


async def test_a_replayed_confirmation_confirms_nothing_else(office: Office) -> None:  # noqa: F811
    one = (await office.propose("drugs-110000", "close")).json()
    path = f"/proposals/{one['id']}/confirmation"
    assert (await office.api.post(path, who=NATIONAL_B, key="one-key")).status_code == 200
    again = await office.api.post(path, who=NATIONAL_B, key="one-key")
    assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
    other = (await office.propose("audit-110000", "close")).json()
    reused = await office.api.post(f"/proposals/{other['id']}/confirmation", who=NATIONAL_B, key="one-key")
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")


def test_no_program_says_that_a_letter_was_delivered() -> None:
    """Cure and appeal run from that proof."""
    when = at("2026-11-02T01:00")
    notice = notices.Notice(
        id=None, about_kind="decision", about_id=None, kind="x", identity="x", authority_id="drugs-110000",  # type: ignore[arg-type]
        document=b"", digest="", issued_at=when, delivered_at=None, delivered_by=None, opened_at=None,
        answer_by=None, moved_id=None,  # type: ignore[arg-type]
    )  # fmt: skip
    program: Caller = person("drugs-a", client_id="drugs-a")
    assert program.program
    for act in (Act.PROVE_DELIVERY, Act.CONFIRM_DELIVERY):
        assert not POLICY.allows(program, act, notice, drafted_by=())
        assert POLICY.allows(person("drugs-a"), act, notice, drafted_by=())
