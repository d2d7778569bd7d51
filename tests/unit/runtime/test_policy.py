"""Policy: roles, scopes and second persons, from one table."""

from dataclasses import dataclass, replace
from enum import StrEnum

import pytest

from shared.rules import Role
from shared.runtime.acts.policy import (
    OutOfScope,
    PersonRequired,
    Policy,
    RoleMissing,
    Rule,
    SecondPersonRequired,
    all_of,
    another_organisation,
    any_of,
    anywhere,
    holding,
    own_category,
    own_organisation,
    same_region,
)
from shared.runtime.base.context import Caller
from tests.support.people import person


class Act(StrEnum):
    READ = "read"
    DRAFT = "draft_revocation"
    CONFIRM = "confirm_revocation"


LOST = Caller("x", "x", "", frozenset({Role.INDUSTRY_REGULATOR}))
"""Somebody without region, organisation or category, as no token makes anybody."""


@dataclass
class Record:
    region: str = "110000"
    organisation: str = "industry-110000"
    category: str = "culture"


REGULATOR = frozenset({Role.INDUSTRY_REGULATOR})
POLICY = Policy({
    Act.READ: (Rule(REGULATOR, same_region), Rule({Role.OPERATOR}, own_organisation)),
    Act.DRAFT: Rule(REGULATOR, same_region),
    Act.CONFIRM: Rule(REGULATOR, same_region, second_person=True),
})  # fmt: skip


def test_a_role_that_is_named_may_act_in_its_own_region() -> None:
    POLICY.require(person("regulator-a"), Act.DRAFT, Record())


def test_other_roles_are_refused_by_name_of_the_act() -> None:
    with pytest.raises(RoleMissing, match="None of your roles may draft revocation") as refused:
        POLICY.require(person("culture-a"), Act.DRAFT, Record())
    assert (refused.value.status, refused.value.code) == (403, "role_missing")


def test_another_region_is_out_of_scope_but_national_level_reaches_every_region() -> None:
    elsewhere = Record(region="310000")
    with pytest.raises(OutOfScope) as refused:
        POLICY.require(person("regulator-a"), Act.DRAFT, elsewhere)
    assert refused.value.code == "out_of_scope"
    POLICY.require(person("national-a"), Act.DRAFT, elsewhere)


def test_a_caller_without_region_organisation_or_category_reaches_nothing() -> None:
    nobody = LOST
    for scope in (same_region, own_organisation, own_category):
        assert not scope(nobody).admits(Record(region="", organisation="", category=""))
        assert not scope(nobody).admits(Record(region=None, organisation=None, category=None))  # type: ignore[arg-type]


def test_one_of_several_rules_is_enough() -> None:
    POLICY.require(person("applicant"), Act.READ, Record(organisation=person("applicant").organisation))
    POLICY.require(person("regulator-a"), Act.READ, Record(organisation="somebody else"))
    with pytest.raises(OutOfScope):
        POLICY.require(person("applicant"), Act.READ, Record())


def test_a_second_person_is_another_subject_not_another_session() -> None:
    with pytest.raises(SecondPersonRequired) as refused:
        POLICY.require(person("regulator-a", jti="another session"), Act.CONFIRM, Record(), drafted_by="regulator-a")
    assert (refused.value.status, refused.value.code) == (409, "second_person_required")
    POLICY.require(person("regulator-b"), Act.CONFIRM, Record(), drafted_by="regulator-a")


def test_everybody_who_took_part_before_is_refused() -> None:
    earlier = ["regulator-a", "regulator-b"]
    with pytest.raises(SecondPersonRequired):
        POLICY.require(person("regulator-b"), Act.CONFIRM, Record(), drafted_by=earlier)
    POLICY.require(person("national-a"), Act.CONFIRM, Record(), drafted_by=earlier)


def test_rights_come_first_so_that_a_stranger_does_not_learn_who_drafted() -> None:
    with pytest.raises(RoleMissing):
        POLICY.require(person("culture-a"), Act.CONFIRM, Record(), drafted_by="culture-a")


def test_a_verb_that_forgets_the_record_or_the_first_person_fails_instead_of_passing() -> None:
    with pytest.raises(TypeError, match="scoped"):
        POLICY.require(person("regulator-a"), Act.DRAFT)
    with pytest.raises(TypeError, match="two people"):
        POLICY.require(person("regulator-a"), Act.CONFIRM, Record())


def test_a_table_must_speak_of_every_act() -> None:
    with pytest.raises(ValueError, match="confirm_revocation, draft_revocation"):
        Policy({Act.READ: Rule(REGULATOR)})


def test_scopes_combine() -> None:
    both, either = all_of(same_region, own_category), any_of(same_region, own_category)
    near, far = Record(category="education"), Record(region="310000")
    culture = person("culture-a")
    assert not both(culture).admits(near)
    assert not both(culture).admits(far)
    assert both(culture).admits(Record())
    assert either(culture).admits(near)
    assert either(culture).admits(far)
    assert not either(culture).admits(Record(region="310000", category="education"))


def test_roles_of_one_act_may_reach_different_records() -> None:
    reader = any_of(holding(Role.OPERATOR, own_organisation), holding(Role.INDUSTRY_REGULATOR, same_region))
    applicant, regulator = person("applicant"), person("regulator-a")
    own = Record(region="310000", organisation=str(applicant.organisation))
    assert reader(applicant).admits(own)
    assert reader(regulator).admits(Record())
    assert not reader(regulator).admits(own), "the regulator's own scope counts, not the applicant's"
    assert not reader(applicant).admits(Record(region=str(applicant.region))), "and the other way round"


def test_a_scope_tied_to_a_role_reaches_nothing_for_others() -> None:
    assert holding(Role.AUDITOR, anywhere)(person("auditor")).admits(Record())
    assert not holding(Role.AUDITOR, anywhere)(person("regulator-a")).admits(Record())
    both = replace(person("auditor"), roles=frozenset({Role.AUDITOR, Role.OPERATOR}))
    assert holding(Role.AUDITOR, anywhere)(both).admits(Record())
    assert not holding(Role.AUDITOR, own_organisation)(both).admits(Record())


def test_several_values_of_a_word_overlap_and_none_of_wants_not_one() -> None:
    @dataclass
    class Shared:
        organisation: tuple[str, ...]

    culture = person("culture-a")
    assert own_organisation(culture).admits(Shared(("industry-110000", "culture-110000")))
    assert not another_organisation(culture).admits(Shared(("industry-110000", "culture-110000")))
    assert another_organisation(culture).admits(Shared(("industry-110000",)))
    assert not another_organisation(LOST).admits(Shared(("industry-110000",)))


def test_a_list_is_filtered_by_what_admits_a_record() -> None:
    reach = POLICY.reach(person("regulator-a"), Act.READ)
    assert reach.where({"region": "region = ANY ({})"}, first=4) == ("((region = ANY ($4::text[])))", [["110000"]])
    assert POLICY.reach(person("national-a"), Act.READ).where({}, first=1) == ("(TRUE)", [])
    with pytest.raises(RoleMissing):
        POLICY.reach(person("culture-a"), Act.READ)
    assert POLICY.reach(LOST, Act.READ).where({}, first=1) == ("(FALSE)", [])


def test_a_program_is_neither_of_the_two_people() -> None:
    policy = Policy({
        Act.READ: Rule(REGULATOR), Act.DRAFT: Rule(REGULATOR, first_person=True),
        Act.CONFIRM: Rule(REGULATOR, second_person=True),
    })  # fmt: skip
    program = replace(person("regulator-b"), program=True)
    policy.require(program, Act.READ)
    with pytest.raises(PersonRequired, match="Only a person may draft revocation"):
        policy.require(program, Act.DRAFT)
    with pytest.raises(PersonRequired):
        policy.require(program, Act.CONFIRM, drafted_by="regulator-a")


def test_one_human_with_two_accounts_is_one_person() -> None:
    second_account = replace(person("regulator-b"), person="regulator-a")
    with pytest.raises(SecondPersonRequired):
        POLICY.require(second_account, Act.CONFIRM, Record(), drafted_by="regulator-a")


@pytest.mark.parametrize(("one", "other"), [
    ("Li", "li"), ("Ｌｉ", "Li"), ("Li Wei", "li  wei"), ("Strasse", "straße"), ("ﬁrst", "First"), ("李伟", " 李伟 "),
])  # fmt: skip
def test_one_human_written_in_two_ways_is_one_person(one: str, other: str) -> None:
    for drafted_by in (one, [one], {other, "somebody"}):
        with pytest.raises(SecondPersonRequired):
            POLICY.require(replace(person("regulator-b"), person=other), Act.CONFIRM, Record(), drafted_by=drafted_by)
    POLICY.require(replace(person("regulator-b"), person="Li Na"), Act.CONFIRM, Record(), drafted_by=one)


def test_allowed_actions_are_what_this_person_may_do_of_what_is_possible() -> None:
    class Action(StrEnum):
        CONFIRM = "confirm"
        EXPIRE = "expire"

    acts = {Action.CONFIRM: Act.CONFIRM}
    possible = list(Action)
    assert POLICY.allowed(person("regulator-b"), Record(), possible, acts, drafted_by="regulator-a") == [Action.CONFIRM]
    assert POLICY.allowed(person("regulator-a"), Record(), possible, acts, drafted_by="regulator-a") == []
    assert POLICY.allowed(person("culture-a"), Record(), possible, acts, drafted_by="regulator-a") == []


def test_an_act_under_the_account_is_the_humans_whatever_the_issuer_calls_them_since() -> None:
    policy = Policy({
        Act.READ: Rule(REGULATOR), Act.DRAFT: Rule(REGULATOR), Act.CONFIRM: Rule(REGULATOR, second_person=True),
    })  # fmt: skip
    named_since = replace(person("regulator-b"), person="human-7")
    with pytest.raises(SecondPersonRequired):
        policy.require(named_since, Act.CONFIRM, drafted_by="Regulator-B")
    policy.require(named_since, Act.CONFIRM, drafted_by="regulator-a")
