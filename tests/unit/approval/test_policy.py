"""Who may do what in approval."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from approval.policy import POLICY, Act
from shared.rules import Role
from shared.runtime.acts.policy import OutOfScope, RoleMissing
from tests.support.people import OPERATOR_USCC, PEOPLE, person

APPLICATION = SimpleNamespace(organisation=OPERATOR_USCC, category="culture", region="110000", level="province")
DECISIONS = (Act.GRANT_APPLICATION, Act.REFUSE_APPLICATION, Act.FIND_NOT_REQUIRED, Act.CANCEL_APPROVAL)


@pytest.mark.parametrize("act", DECISIONS)
def test_only_the_sector_regulator_decides(act: Act) -> None:
    POLICY.require(person("culture-a"), act, APPLICATION)
    for name in PEOPLE:
        if "sector_regulator" not in PEOPLE[name]["roles"]:
            with pytest.raises(RoleMissing):
                POLICY.require(person(name), act, APPLICATION)


@pytest.mark.parametrize("act", [*DECISIONS, Act.READ_APPLICATION])
@pytest.mark.parametrize("other", [{"organisation": "education-110000"}, {"region": "310000"}])
def test_an_authority_stays_in_its_category_and_province(act: Act, other: dict[str, object]) -> None:
    with pytest.raises(OutOfScope):
        POLICY.require(person("culture-a", **other), act, APPLICATION)


def test_what_is_put_to_the_ministry_is_decided_by_the_ministry() -> None:
    to_the_ministry = SimpleNamespace(**vars(APPLICATION) | {"level": "national"})
    with pytest.raises(OutOfScope):
        POLICY.require(person("culture-a"), Act.GRANT_APPLICATION, to_the_ministry)
    ministry = person("culture-a", organisation="culture")
    POLICY.require(ministry, Act.GRANT_APPLICATION, to_the_ministry)
    POLICY.require(ministry, Act.GRANT_APPLICATION, APPLICATION)


@pytest.mark.parametrize("act", [Act.APPLY, Act.READ_APPLICATION])
def test_an_operator_acts_for_itself_only(act: Act) -> None:
    POLICY.require(person("applicant"), act, APPLICATION)
    with pytest.raises(OutOfScope):
        POLICY.require(person("applicant", organisation="91110000MA0000000H"), act, APPLICATION)


def test_two_roles_do_not_lend_each_other_their_scope() -> None:
    """An operator who is also an officer elsewhere reads its own applications, and no others of that category."""
    education = frozenset({"education"})
    both = replace(person("applicant"), roles=frozenset({Role.OPERATOR, Role.SECTOR_REGULATOR}), categories=education)
    POLICY.require(both, Act.READ_APPLICATION, APPLICATION)
    foreign = SimpleNamespace(**vars(APPLICATION) | {"organisation": "somebody"})
    with pytest.raises(OutOfScope):
        POLICY.require(both, Act.READ_APPLICATION, foreign)
