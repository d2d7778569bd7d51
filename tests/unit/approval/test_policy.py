"""Who may do what in approval."""

from types import SimpleNamespace

import pytest

from approval.lifecycle import Action
from approval.policy import ACTS, POLICY, Act
from shared.runtime.acts.policy import OutOfScope, PersonRequired, RoleMissing
from tests.support.people import OPERATOR_USCC, PEOPLE, person

APPROVAL = SimpleNamespace(organisation=OPERATOR_USCC, category="drugs_and_devices", region="110000", level="province")
NATIONAL = SimpleNamespace(**vars(APPROVAL) | {"level": "national", "region": None})


def test_only_a_competent_authority_decides() -> None:
    assert sum(claims["organisation"] == "drugs-110000" for claims in PEOPLE.values()) == 3
    for name, claims in PEOPLE.items():
        if claims["organisation"] == "drugs-110000":
            POLICY.require(person(name), Act.DECIDE, APPROVAL)
        else:
            with pytest.raises((RoleMissing, OutOfScope)):
                POLICY.require(person(name), Act.DECIDE, APPROVAL)


@pytest.mark.parametrize("act", [Act.DECIDE, Act.READ])
@pytest.mark.parametrize("other", [{"organisation": "education-110000"}, {"region": "310000"}])
def test_an_authority_stays_in_its_item_and_province(act: Act, other: dict[str, object]) -> None:
    with pytest.raises(OutOfScope):
        POLICY.require(person("drugs-a", **other), act, APPROVAL)


def test_a_program_may_consent_and_refuses_nobody() -> None:
    program = person("program-of-drugs-a", **PEOPLE["drugs-a"], client_id="program-of-drugs-a")
    POLICY.require(program, ACTS[Action.GRANT], APPROVAL)
    for action in (Action.REFUSE, Action.REFUSE_RENEWAL):
        POLICY.require(person("drugs-a"), ACTS[action], APPROVAL)
        with pytest.raises(PersonRequired):
            POLICY.require(program, ACTS[action], APPROVAL)


def test_only_whom_it_was_put_to_decides() -> None:
    ministry, province = person("drugs-national-a"), person("drugs-a")
    assert [POLICY.allows(ministry, Act.DECIDE, each) for each in (NATIONAL, APPROVAL)] == [True, False]
    assert [POLICY.allows(province, Act.DECIDE, each) for each in (NATIONAL, APPROVAL)] == [False, True]
    assert [POLICY.allows(ministry, Act.READ, each) for each in (NATIONAL, APPROVAL)] == [True, True]
    assert [POLICY.allows(province, Act.READ, each) for each in (NATIONAL, APPROVAL)] == [False, True]


@pytest.mark.parametrize("act", [Act.APPLY, Act.READ])
def test_an_operator_acts_for_itself_only(act: Act) -> None:
    POLICY.require(person("applicant"), act, APPROVAL)
    with pytest.raises(OutOfScope):
        POLICY.require(person("applicant", organisation="91110000MA0000000H"), act, APPROVAL)
