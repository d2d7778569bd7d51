"""Who may do what in enforcement."""

from types import SimpleNamespace

import pytest

from enforcement.policy import POLICY, Act
from shared.runtime.acts.policy import OutOfScope, RoleMissing, SecondPersonRequired
from tests.support.people import OPERATOR_USCC, PEOPLE, person

CASE = SimpleNamespace(organisation="culture-110000", category="culture", region="110000", operator_uscc=OPERATOR_USCC)
OWN = (Act.ADD_EVIDENCE, Act.DRAFT_DECISION, Act.WITHDRAW_DECISION, Act.RELEASE_DECISION)
OFFICIAL = (Act.READ_CASE, Act.READ_DRAFT)
ELSEWHERE = [{"organisation": "education-110000"}, {"region": "310000"}]


def require(who: str, act: Act, **override: object) -> None:
    resource = [CASE] if act is Act.READ_EVIDENCE else CASE
    POLICY.require(person(who, **override), act, resource, drafted_by="somebody")


@pytest.mark.parametrize("act", [*OWN, Act.OPEN_CASE])
def test_only_sector_regulators_enforce(act: Act) -> None:
    require("culture-a", act)
    for who in PEOPLE:
        if "sector_regulator" not in PEOPLE[who]["roles"]:
            with pytest.raises(RoleMissing):
                require(who, act)


@pytest.mark.parametrize("act", [*OWN, Act.OPEN_CASE, Act.READ_CASE, Act.READ_EVIDENCE])
@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_they_stay_in_their_category_and_province(act: Act, elsewhere: dict[str, object]) -> None:
    with pytest.raises(OutOfScope):
        require("culture-a", act, **elsewhere)


@pytest.mark.parametrize("act", OWN)
def test_a_case_is_worked_on_by_the_authority_that_opened_it(act: Act) -> None:
    with pytest.raises(OutOfScope):
        require("culture-a", act, organisation="culture")


def test_an_appeal_is_decided_by_a_review_body_of_another_organisation() -> None:
    require("review-a", Act.DECIDE_APPEAL)
    require("review-a", Act.DECIDE_APPEAL, organisation="review")
    for who in ("culture-a", "regulator-a", "national-a", "auditor", "applicant"):
        with pytest.raises(RoleMissing):
            require(who, Act.DECIDE_APPEAL)
    with pytest.raises(OutOfScope):
        require("review-a", Act.DECIDE_APPEAL, region="310000")
    with pytest.raises(RoleMissing):
        require("review-a", Act.DECIDE_APPEAL, organisation=CASE.organisation)


@pytest.mark.parametrize("act", [*OFFICIAL, Act.READ_EVIDENCE, Act.READ_DECISION, Act.READ_APPEAL])
@pytest.mark.parametrize("who", ["culture-a", "regulator-a", "national-a", "review-a", "auditor"])
def test_officials_read(act: Act, who: str) -> None:
    require(who, act)


def test_the_regulator_of_another_province_reads_nothing() -> None:
    with pytest.raises(OutOfScope):
        require("regulator-a", Act.READ_CASE, region="310000")


@pytest.mark.parametrize("act", [Act.READ_DECISION, Act.READ_APPEAL, Act.FILE_APPEAL])
def test_the_operator_concerned_reads_the_decision_and_appeals(act: Act) -> None:
    require("applicant", act)
    for organisation in ("91110000MA0000000H", None):
        with pytest.raises(OutOfScope):
            require("applicant", act, organisation=organisation)


@pytest.mark.parametrize("act", [*OFFICIAL, Act.READ_EVIDENCE])
def test_the_operator_does_not_see_drafts_and_files(act: Act) -> None:
    with pytest.raises(RoleMissing):
        require("applicant", act)


def test_evidence_is_read_by_whoever_may_read_one_of_its_cases() -> None:
    foreign = SimpleNamespace(**vars(CASE) | {"region": "310000"})
    POLICY.require(person("culture-a"), Act.READ_EVIDENCE, [foreign, CASE])
    with pytest.raises(OutOfScope):
        POLICY.require(person("culture-a"), Act.READ_EVIDENCE, [foreign])
    with pytest.raises(OutOfScope):
        POLICY.require(person("culture-a"), Act.READ_EVIDENCE, [])


def test_release_needs_a_second_and_an_appeal_a_third_person() -> None:
    with pytest.raises(SecondPersonRequired):
        POLICY.require(person("culture-a"), Act.RELEASE_DECISION, CASE, drafted_by="culture-a")
    for who in ("culture-a", "culture-b"):
        moved = person(who, organisation="review-110000", roles=["review_body"])
        with pytest.raises(SecondPersonRequired):
            POLICY.require(moved, Act.DECIDE_APPEAL, CASE, drafted_by=["culture-a", "culture-b"])
    POLICY.require(person("review-a"), Act.DECIDE_APPEAL, CASE, drafted_by=["culture-a", "culture-b"])
