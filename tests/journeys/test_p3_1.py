"""P3.1, step by step: prior approval, filing and licence of one pharmacy, on a whole stack. The last paragraph of P3.1,
amendments, is test_amendments.py.

The story happens once, in the fixture; each numbered step has a test of its own that asks what it left behind.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from concord.sdk import Concord, ConcordError, until
from shared.contracts.grounds import OperatorRef
from shared.contracts.http import approval, registry
from shared.contracts.http.checks import CheckView
from shared.contracts.http.documents import DocumentView
from shared.contracts.http.register import RegisterEntry
from shared.contracts.http.registrar import Outcome, Report, TaskView
from shared.documents import signed
from shared.signing import KeyRing
from tests.support.office import ITEM, PATIENCE_S, SAYS, Office, identity_of

SHOP, LICENSED = "p3-1.example", "p3-1-licensed.example"
PAGE = "药品经营许可证 licence".encode()
SCOPE = "Sale of over-the-counter medicines"
TODAY = datetime.now(ZoneInfo("Asia/Shanghai")).date()
LAST_DAY = TODAY + timedelta(days=365)


@dataclass
class Story:
    """What each step left behind."""

    refused: ConcordError
    applied: approval.ApprovalView
    stranger: ConcordError
    returned: approval.ApprovalView
    granted: approval.ApprovalView
    not_granted: approval.ApprovalView
    not_required: approval.ApprovalView
    document: DocumentView
    approval_keys: KeyRing
    submitted: registry.RegistrationView
    check: CheckView
    entered: registry.RegistrationView
    licence: registry.RegistrationView
    licence_document: DocumentView
    registry_keys: KeyRing
    published: RegisterEntry
    told: TaskView
    reported: TaskView


def application(domain: str, owner: str = SHOP) -> approval.Application:
    operator = OperatorRef(identity=identity_of(owner), name=f"Operator of {owner}")
    return approval.Application(
        operator=operator, service_item=ITEM, domain=domain, scope_of_service=SCOPE, level="province", region="110000"
    )


def site(office: Office, domain: str, item: str = ITEM, ip: str = "100.127.31.1") -> registry.NewSite:
    hosted = registry.NewAccess(provider_id=UUID(office.stack.provider_id), ips=(ip,))
    return registry.NewSite(name=domain, domains=(domain,), service_items=(item,), accesses=(hosted,))


async def entered(operator: Concord, domain: str) -> UUID:
    """The operator of a domain, as it enters itself."""
    new = registry.NewOperator(
        kind=registry.OperatorKind.COMPANY, region="110000",
        document=registry.IdentityDocument(number=identity_of(domain)),
        particulars=registry.Particulars(name=f"Operator of {domain}"),
    )  # fmt: skip
    return (await operator.registry.enter_operator(new)).id


async def submitted(operator: Concord, new: registry.NewRegistration) -> registry.RegistrationView:
    """Asked for, as soon as the register has heard of the consent."""

    async def ask() -> registry.RegistrationView | None:
        try:
            return await operator.registry.submit(new)
        except ConcordError as error:
            if error.code != "not_admitted":
                raise
            return None

    found = await until(ask, lambda answer: answer is not None, timeout_s=PATIENCE_S)
    assert found is not None
    return found


@pytest.fixture(scope="package")
async def story(office: Office) -> AsyncIterator[Story]:
    await office.provider_is_known(office.stack.provider_id)
    drugs, regulator = office.people["drugs-a"].approval, office.people["regulator-a"].registry
    async with office.operator(SHOP) as shop, office.operator(LICENSED) as licensed:
        shop_id, licensed_id = await entered(shop, SHOP), await entered(licensed, LICENSED)
        new = registry.NewRegistration(operator_id=shop_id, site=site(office, SHOP))
        with pytest.raises(ConcordError) as refused:
            await shop.registry.submit(new)

        applied = await shop.approval.apply(application(SHOP))
        with pytest.raises(ConcordError) as stranger:
            await office.people["culture-a"].approval.grant(applied.id, consent())
        missing = approval.Finding(code="drug_licence", text="Hand in the licence to trade in medicines.")
        returned = await drugs.send_back(applied.id, approval.Return(missing=(missing,)))
        await shop.approval.hand_in(applied.id, "drug_licence", PAGE, "application/pdf")
        await shop.approval.resubmit(applied.id, approval.Resubmission(answer="The licence is handed in."))
        granted = await drugs.grant(applied.id, consent())
        other, third = [await shop.approval.apply(application(f"{name}.{SHOP}")) for name in ("two", "three")]
        finding = approval.Finding(code="no_pharmacist", text="No pharmacist is in charge.")
        not_granted = await drugs.refuse(other.id, approval.Refusal(**SAYS.model_dump(), findings=(finding,)))
        not_required = await drugs.find_not_required(third.id, approval.NotRequired(**SAYS.model_dump()))

        asked = await submitted(shop, new)
        async with office.provider() as provider:

            async def put_to_it() -> list[CheckView]:
                return [each async for each in provider.registry.checks(registration_id=asked.id)]

            (waiting,) = await until(put_to_it, bool, timeout_s=PATIENCE_S)
            check = await provider.registry.verify_check(waiting.id)

        filing = await regulator.grant(asked.id, registry.Granting(statement=SAYS))
        for_profit = registry.NewRegistration(
            operator_id=licensed_id, kind=registry.RegistrationKind.LICENCE, site=site(office, LICENSED, "general")
        )
        licence = await licensed.registry.submit(for_profit)
        licence = await regulator.grant(
            licence.id, registry.Granting(statement=SAYS, valid_from=TODAY, valid_until=LAST_DAY)
        )
        number = str(filing.number)
        published = await until(
            lambda: office.people["officer"].query.register_entry(number),
            lambda entry: entry.total == 1,
            timeout_s=PATIENCE_S,
        )
        registrar = office.people["registrar-a"].registry
        (told,) = [each async for each in registrar.registrar_tasks(registration_id=licence.id)]
        report = Report(outcome=Outcome.REGISTERED, reasons="Entered in the scope of business.")
        yield Story(
            refused=refused.value, applied=applied, stranger=stranger.value, returned=returned, granted=granted,
            not_granted=not_granted, not_required=not_required, document=await shop.approval.document(applied.id),
            approval_keys=KeyRing(await shop.approval.keys()), submitted=asked, check=check, entered=filing,
            licence=licence, licence_document=await _document(licensed, licence.id),
            registry_keys=KeyRing((await licensed.call("registry", "GET", "/.well-known/jwks.json")).json()),
            published=published, told=told, reported=await registrar.report_registrar_task(told.id, report),
        )  # fmt: skip


def consent() -> approval.Grant:
    """Of the authority, to what was asked for."""
    return approval.Grant(scope=SCOPE, valid_until=LAST_DAY, **SAYS.model_dump())


async def _document(operator: Concord, registration_id: UUID) -> DocumentView:
    answer = await operator.call("registry", "GET", f"/registrations/{registration_id}/document")
    return DocumentView.model_validate(answer.json())


async def test_p3_1_1_who_offers_what_needs_consent_is_not_registered_without_it(story: Story) -> None:
    assert story.refused.code == "not_admitted"
    assert [each["code"] for each in story.refused.problem["grounds"]] == ["approval_missing"]


async def test_p3_1_2_the_operator_hands_its_papers_to_the_authority_of_its_province(story: Story) -> None:
    assert (story.applied.status, story.applied.region) == ("submitted", "110000")
    assert {each.code for each in story.applied.requirements} >= {"identity", "domain", "drug_licence"}
    assert story.stranger.status == 403, "another department decides nothing here"


async def test_p3_1_3_the_authority_consents_refuses_or_finds_that_nothing_is_needed(story: Story) -> None:
    assert story.returned.clock.stopped_at is not None, "while the applicant completes, the clock stands still"
    assert story.granted.number is not None
    assert story.granted.overdue is False
    assert (story.not_granted.status, story.not_required.status) == ("refused", "not_required")
    assert story.not_granted.decisions[-1].grounds.redress.body.id == "review-110000"
    read = signed.read(story.document.jws, story.approval_keys).document
    assert (read.number, read.issuer.id) == (story.granted.number, "drugs-110000"), "anyone verifies it offline"


async def test_p3_1_4_it_files_with_its_province_and_its_provider_says_what_it_knows(story: Story) -> None:
    assert (story.submitted.status, story.submitted.region, story.submitted.kind) == ("submitted", "110000", "filing")
    assert story.check.status == "verified"


async def test_p3_1_5_the_regulator_gives_a_number_and_a_licence_that_anyone_verifies(story: Story) -> None:
    assert (story.entered.status, str(story.entered.number)[:5]) == ("active", "京ICP备")
    (live,) = story.entered.sites
    assert (live.number, live.service_items) == (f"{story.entered.number}-1", [ITEM])
    assert str(story.licence.number)[:5] == "京ICP证"
    read = signed.read(story.licence_document.jws, story.registry_keys).document
    assert (read.number, read.valid_until, read.issuer.id) == (story.licence.number, LAST_DAY, "industry-110000")


async def test_p3_1_6_who_is_registered_for_what_is_public(story: Story) -> None:
    assert story.published.registration is not None
    assert story.published.registration.number == story.entered.number
    assert [(each.domains, each.service_items) for each in story.published.sites] == [([SHOP], [ITEM])]


async def test_p3_1_7_the_company_registrar_is_told_of_the_licence_and_reports(story: Story) -> None:
    assert (story.told.kind, story.told.status, story.told.number) == ("granted", "open", story.licence.number)
    assert (story.reported.status, story.reported.outcome) == ("answered", Outcome.REGISTERED)
