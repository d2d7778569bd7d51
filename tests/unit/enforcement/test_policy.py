"""Who may do what in enforcement: asked for everybody, about cases of every desk."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from enforcement.policy import CASE_ACTS, DECISION_ACTS, POLICY, Act
from shared.rules import Role
from shared.runtime.base.context import Caller
from tests.support.people import OPERATOR_USCC, PEOPLE, person, provider

PROVIDER = "018f0000-0000-7000-8000-000000000001"
BURDENING = (Act.DRAFT_DECISION, Act.RELEASE_DECISION, Act.CONFIRM_IGNORED)
OWN = (*BURDENING, Act.ADD_EVIDENCE, Act.DISCONTINUE_CASE, Act.WITHDRAW_DECISION, Act.CONFIRM_CORRECTION,
       Act.LIFT_DECISION)  # fmt: skip


def case(**changes: Any) -> SimpleNamespace:
    """A case of the Beijing drug authority about the tests' operator."""
    words = {
        "organisation": "drugs-110000", "category": "drugs_and_devices", "level": "province", "region": "110000",
        "identity": OPERATOR_USCC, "took_part": (), "cited_against": None, "shown_to": None,
    }  # fmt: skip
    return SimpleNamespace(**words | changes)


def may(act: Act, record: Any, **options: Any) -> set[str]:
    return {name for name in PEOPLE if POLICY.allows(person(name), act, record, **options)}


def of(*organisations: str) -> set[str]:
    return {name for name, claims in PEOPLE.items() if claims["organisation"] in organisations}


AUDITORS = {name for name, claims in PEOPLE.items() if claims["roles"] == ["auditor"]}


@pytest.mark.parametrize("act", OWN)
def test_a_case_is_worked_by_its_own_authority_alone(act: Act) -> None:
    assert may(act, case(), drafted_by="nobody") == of("drugs-110000")


def test_a_case_is_opened_at_the_same_level_in_the_same_province_and_sector() -> None:
    assert may(Act.OPEN_CASE, case()) == of("drugs-110000", "industry-110000") - {"desk-a", "officer"}
    assert may(Act.OPEN_CASE, case(level="national", region="110000")) == {
        name
        for name in of("drugs", "industry")
        if set(PEOPLE[name]["roles"]) & {"sector_regulator", "industry_regulator"}
    }
    assert may(Act.OPEN_CASE, case(region="310000")) == of("drugs-310000", "industry-310000") - {"shanghai-desk-a"}
    assert may(Act.OPEN_CASE, case(category="")) == of("industry-110000") - {"desk-a", "officer"}


def test_before_it_comes_to_somebody_a_case_is_nobody_elses_business() -> None:
    assert may(Act.READ_CASE, case()) == of("drugs-110000", "drugs") | AUDITORS
    assert may(Act.READ_CASE, case(took_part=("industry-110000",))) == of("drugs-110000", "drugs") | AUDITORS | {
        name for name in of("industry-110000") if PEOPLE[name]["roles"] == ["industry_regulator"]
    }
    reviewed = case(took_part=("review-110000",))
    assert may(Act.READ_CASE, reviewed) == of("drugs-110000", "drugs", "review-110000") | AUDITORS


def test_a_province_does_not_read_what_lies_at_the_ministry_and_the_ministry_reads_its_sector_everywhere() -> None:
    national = case(organisation="drugs", level="national")
    assert may(Act.READ_CASE, national) == of("drugs") | AUDITORS
    assert "drugs-national-a" in may(Act.READ_CASE, case(region="310000", organisation="drugs-310000"))
    assert "culture-a" not in may(Act.READ_CASE, case())


def test_operators_and_providers_read_what_is_about_them_and_no_case() -> None:
    assert "applicant" in may(Act.READ_DECISION, case())
    assert "applicant" not in may(Act.READ_DECISION, case(identity="91310000MA1FL0ABC1"))
    assert "applicant" not in may(Act.READ_CASE, case()) | may(Act.READ_EVIDENCE, case())
    host = provider(PROVIDER)
    assert POLICY.allows(host, Act.READ_DECISION, case(identity=PROVIDER))
    assert POLICY.allows(host, Act.FILE_APPEAL, case(identity=PROVIDER))
    assert not POLICY.allows(host, Act.READ_DECISION, case())


def test_who_lost_the_competence_eases_burdens_and_lays_none() -> None:
    was = replace(person("drugs-a"), categories=frozenset({"culture"}))
    for act in BURDENING:
        assert not POLICY.allows(was, act, case(), drafted_by="nobody"), act
    for act in (Act.LIFT_DECISION, Act.WITHDRAW_DECISION, Act.CONFIRM_CORRECTION, Act.DISCONTINUE_CASE):
        assert POLICY.allows(was, act, case()), act


def test_two_people_are_two_people_and_no_programs() -> None:
    for act in (Act.RELEASE_DECISION, Act.CONFIRM_IGNORED):
        assert not POLICY.allows(person("drugs-a"), act, case(), drafted_by="drugs-a")
        other_account: Caller = replace(person("drugs-b"), person="drugs-a")
        assert not POLICY.allows(other_account, act, case(), drafted_by="drugs-a"), "one human, two accounts"
    for act in BURDENING:
        assert not POLICY.allows(replace(person("drugs-b"), program=True), act, case(), drafted_by="x"), act


def appeal(**changes: Any) -> SimpleNamespace:
    words = {"identity": OPERATOR_USCC, "authority_id": "drugs-110000", "body_id": "review-110000"}
    return SimpleNamespace(**words | changes)


def test_only_its_review_body_decides_an_appeal_and_nobody_who_signed() -> None:
    assert may(Act.DECIDE_APPEAL, appeal(), drafted_by=("x",)) == {"review-a"}
    assert may(Act.DECIDE_APPEAL, appeal(), drafted_by=("x", "review-a")) == set()
    assert may(Act.ENTER_APPEAL, appeal()) == {"review-a"}
    assert may(Act.FILE_APPEAL, appeal()) == {"applicant"}


def test_an_appeal_is_read_by_its_parties_its_body_and_auditors() -> None:
    assert may(Act.READ_APPEAL, appeal()) == {"applicant", "review-a"} | of("drugs-110000") | AUDITORS
    everyone = {role for rules in POLICY.values() for rule in rules for role in rule.roles}
    offices = {act for act, rules in POLICY.items() for rule in rules if Role.COORDINATION_OFFICE in rule.roles}
    assert offices == {Act.READ_OPINION, Act.SETTLE_OPINIONS}, "advice, and nothing else"
    assert Role.QUERY_DESK not in everyone


def test_every_action_of_a_view_is_an_act_of_the_table() -> None:
    assert set(CASE_ACTS.values()) | set(DECISION_ACTS.values()) <= set(POLICY)


def test_whom_a_decision_burdens_reads_what_it_cites_and_hears_of_what_is_withheld() -> None:
    official = of("drugs-110000", "drugs") | AUDITORS
    assert may(Act.READ_EVIDENCE, case()) == may(Act.LIST_CITED, case()) == official
    shown = case(cited_against=OPERATOR_USCC, shown_to=OPERATOR_USCC)
    assert may(Act.READ_EVIDENCE, shown) == may(Act.LIST_CITED, shown) == official | {"applicant"}
    withheld = case(cited_against=OPERATOR_USCC)
    assert may(Act.READ_EVIDENCE, withheld) == official
    assert may(Act.LIST_CITED, withheld) == official | {"applicant"}
    assert may(Act.READ_EVIDENCE, case(cited_against=PROVIDER, shown_to=PROVIDER)) == official
    assert POLICY.allows(provider(PROVIDER), Act.READ_EVIDENCE, case(cited_against=PROVIDER, shown_to=PROVIDER))
    another_role = replace(provider(PROVIDER), roles=frozenset({Role.REVIEW_BODY}))
    for act in (Act.READ_EVIDENCE, Act.LIST_CITED, Act.READ_DECISION, Act.READ_APPEAL):
        about = case(identity=PROVIDER, cited_against=PROVIDER, shown_to=PROVIDER, authority_id="x", body_id="y")
        assert not POLICY.allows(another_role, act, about), f"{act} is a party's, not a namesake's"
