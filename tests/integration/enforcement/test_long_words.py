"""What somebody says may be as long as a text can be: where it is told on it is shortened, and never lost."""

from typing import Any
from uuid import uuid4

import pytest

from shared.contracts import examples
from shared.contracts.base import LONGEST_REASONS, LONGEST_TEXT
from shared.contracts.emergencies import EmergencyLapsedV1
from shared.contracts.grounds import Grounds, Names, Statement
from shared.contracts.notices import NoticeDocument
from shared.contracts.quoting import ELLIPSIS
from shared.runtime.acts.directory import Directory
from tests.integration.enforcement.complaining import answers, confirm, reported, suspended
from tests.integration.enforcement.conftest import Office, site_recorded
from tests.integration.enforcement.test_emergencies import emergency, restored
from tests.integration.enforcement.test_hearings import invitation
from tests.integration.enforcement.test_matter_transfers import to, unplaced
from tests.integration.enforcement.test_reviewed import vetoed

LONG = "说" * LONGEST_REASONS


async def document(office: Office, kind: str) -> NoticeDocument:
    """The last notice of a kind, read back as everybody who reads it does."""
    text = await office.fetchval("SELECT document FROM notice WHERE kind = $1 ORDER BY id DESC LIMIT 1", kind)
    return NoticeDocument.model_validate_json(text)


def shortened(says: Statement | None, *ours: str) -> bool:
    """Whether it holds most of the words, says that it left something out, and all of our own."""
    assert says is not None
    whole = all(each in says.reasons for each in ours)
    return whole and says.reasons.count("说") > 15_000 and ELLIPSIS in says.reasons


@pytest.mark.parametrize("elsewhere", [{}, {"provider_id": uuid4()}])
async def test_however_long_a_provider_explains_itself_whom_it_hits_is_told(
    office: Office, elsewhere: dict[str, Any]
) -> None:
    site = site_recorded("dark.example")
    await office.hear(site)
    await office.hear(reported(office, site, reasons=LONG, **elsewhere))
    lapsed = await office.told(EmergencyLapsedV1)
    assert len(lapsed) == len(elsewhere), "where the register says that it hosts nothing there it is over at once"
    assert shortened((await document(office, "emergency_reported")).says, "What the provider says:\n")


async def test_a_restore_of_its_own_with_long_reasons_ends_it_and_is_told(office: Office) -> None:
    site, found = await emergency(office, "open.example")
    await confirm(office, found, await suspended(office, site))
    await office.hear(restored(found, "open.example", public_reasons=LONG))
    (fact,) = await office.told(EmergencyLapsedV1)
    assert shortened(fact.statement, "was ordered to host it again. ")
    assert (await document(office, "emergency_lapsed")).says == fact.statement


async def test_both_sides_are_invited_to_a_hearing_however_long_the_reasons(office: Office) -> None:
    path = f"/appeals/{(await office.appeal(await office.released()))['id']}"
    body = {**invitation(office), "reasons": LONG}
    await office.post(f"{path}/hearings", body, "review-a", 201)
    told = await document(office, "hearing_invited")
    assert shortened(told.says, f"{body['place']}. ")


async def test_a_veto_with_long_grounds_opens_its_case(office: Office) -> None:
    site = site_recorded()
    cited = await office.released("revoke", site)
    said = {"reasons": LONG, "public_reasons": LONG}
    fact = vetoed(site, cited, grounds=Grounds.model_validate(examples.GROUNDS | said))
    await office.hear(fact)
    breach = (await office.get(f"/cases/{fact.case_id}", "drugs-a"))["alleged_breach"]
    assert (len(breach), breach[-1]) == (LONGEST_REASONS, ELLIPSIS)
    assert breach.startswith(f"Annual review {fact.year}: ")


def renamed(directory: Directory, organisation: str, name: str) -> None:
    directory.load([
        each if each.organisation_id != organisation
        else each.model_copy(update={"names": Names(zh=name, en=name)})
        for each in directory
    ])  # fmt: skip


async def test_a_complaint_that_went_to_an_office_with_a_long_name_is_answered_and_so_are_the_others(
    office: Office,
) -> None:
    matter = await unplaced(office, email="reader@mail.example")
    renamed(office.api.rt.directory, "industry-310000", "n" * LONGEST_TEXT)
    await office.post(f"/matters/{matter['id']}/transfer", to("industry-310000"), "regulator-a")
    assert await answers(office) == [("reader@mail.example", "complaint_handed_on")]
    title = (await document(office, "complaint_handed_on")).title
    assert (len(title.en), title.en[-1], len(title.zh)) == (LONGEST_TEXT, ELLIPSIS, LONGEST_TEXT)
