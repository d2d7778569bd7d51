"""Who may do what in the register: asked for everybody of every office, about records of every desk."""

from types import SimpleNamespace
from typing import Any

import pytest

from registry.policy import OFFICIALS, POLICY, Act
from shared.runtime.acts.policy import PersonRequired
from tests.support.people import OPERATOR_USCC, PEOPLE, SELLER_USCC, person

BEIJING = {"regulator-a", "regulator-b", "regulator-c", "regulator-d"}
DECIDING = (Act.GRANT, Act.REFUSE, Act.DECIDE_PROPOSAL, Act.REFUSE_PROPOSAL)
NATIONAL = {"national-a", "national-b"}
SHANGHAI = {"shanghai-regulator-a", "shanghai-regulator-b"}


def record(**changes: Any) -> SimpleNamespace:
    """What lies on the desk of Beijing and belongs to the tests' operator."""
    words = {
        "organisation": OPERATOR_USCC,
        "region": "110000",
        "level": "province",
        "receiver": SELLER_USCC,
        "leaves": None,
        "by_operator": True,
    }
    return SimpleNamespace(**words | changes)


def execution(**changes: Any) -> SimpleNamespace:
    """A decision of the Beijing drug authority that Beijing's regulator executes."""
    words = {"regulator_id": "industry-110000", "authority_id": "drugs-110000", "region": "110000", "level": "province"}
    return SimpleNamespace(**words | changes)


def may(act: Act, about: Any, **options: Any) -> set[str]:
    return {name for name in PEOPLE if POLICY.allows(person(name), act, about, **options)}


def reads(region: str) -> set[str]:
    """Officials of a province, and those of the whole country."""
    found = set()
    for name, claims in PEOPLE.items():
        province = claims["organisation"].rpartition("-")[2]
        if OFFICIALS.intersection(claims["roles"]) and (province == region or not province.isdigit()):
            found.add(name)
    return found


def test_the_register_is_read_where_it_is_kept_and_by_whom_it_is_about() -> None:
    assert may(Act.READ, record()) == reads("110000") | {"applicant"}
    assert may(Act.READ, record(region="310000", organisation=SELLER_USCC)) == reads("310000") | {"seller"}


@pytest.mark.parametrize("act", [Act.ENTER_OPERATOR, Act.SUBMIT, Act.PROPOSE, Act.READ_ADDRESS])
def test_an_operator_acts_for_itself_and_its_regulator_for_it(act: Act) -> None:
    assert may(act, record()) == BEIJING | NATIONAL | {"applicant"}
    assert may(act, record(region="310000", organisation="another")) == SHANGHAI | NATIONAL


@pytest.mark.parametrize("act", [Act.SET_ADDRESS, Act.WITHDRAW_PROPOSAL, Act.DEREGISTER])
def test_what_is_an_operators_own_nobody_does_in_its_place(act: Act) -> None:
    assert may(act, record()) == {"applicant"}


def test_a_transfer_is_consented_to_by_the_receiver_who_reads_the_proposal_and_by_whom_nobody_asked() -> None:
    assert may(Act.CONSENT, record()) == {"seller"}
    assert may(Act.CONSENT, record(by_operator=False)) == {"seller", "applicant"}
    assert may(Act.READ_PROPOSAL, record()) == reads("110000") | {"applicant", "seller"}


@pytest.mark.parametrize("act", DECIDING)
def test_an_application_is_decided_at_its_own_level_and_in_its_own_province(act: Act) -> None:
    assert may(act, record(), drafted_by="applicant") == BEIJING
    assert may(act, record(region="310000"), drafted_by="applicant") == SHANGHAI
    assert may(act, record(level="national"), drafted_by="applicant") == NATIONAL


@pytest.mark.parametrize("by_operator", [True, False])
@pytest.mark.parametrize("act", [*DECIDING, Act.DECIDE_RENEWAL])
def test_nobody_decides_on_what_they_asked_for_whoever_they_asked_for(act: Act, *, by_operator: bool) -> None:
    asked = record(by_operator=by_operator)
    assert may(act, asked, drafted_by="regulator-a") == BEIJING - {"regulator-a"}
    program = person("program-of-regulator-b", **PEOPLE["regulator-b"], client_id="program-of-regulator-b")
    granted = by_operator and act in {Act.GRANT, Act.DECIDE_PROPOSAL}
    assert POLICY.allows(program, act, asked, drafted_by="regulator-a") == granted


def test_a_legacy_code_is_vouched_for_by_somebody_else() -> None:
    assert may(Act.CONFIRM_LEGACY_CODE, record(), drafted_by="regulator-a") == (BEIJING | NATIONAL) - {"regulator-a"}


def test_an_execution_is_read_by_its_two_sides_those_who_review_and_the_auditor() -> None:
    assert may(Act.READ_EXECUTION, execution()) == BEIJING | {
        "drugs-a", "drugs-b", "drugs-c", "auditor", "review-a", "review-national-a",
    }  # fmt: skip


def test_an_execution_is_signed_by_two_of_the_regulator_who_did_not_sign_the_decision() -> None:
    assert may(Act.DECLINE, execution()) == BEIJING
    assert may(Act.ACCEPT, execution(), drafted_by=("drugs-a", "regulator-a")) == BEIJING - {"regulator-a"}
    assert may(Act.CONFIRM, execution(), drafted_by=("drugs-a", "drugs-b", "regulator-b")) == BEIJING - {"regulator-b"}
    assert may(Act.CONFIRM, execution(regulator_id="industry"), drafted_by=("drugs-a",)) == NATIONAL


def test_an_import_is_entered_by_the_regulator_of_its_province_and_read_by_whoever_sent_it() -> None:
    assert may(Act.IMPORT, record()) == BEIJING | NATIONAL
    assert may(Act.READ_IMPORT, record(organisation="industry-110000")) == BEIJING


@pytest.mark.parametrize(
    ("act", "name"),
    [(Act.REFUSE, "regulator-a"), (Act.REFUSE_PROPOSAL, "regulator-a"), (Act.DECIDE_RENEWAL, "regulator-a"),
     (Act.GIVE_OPINION, "drugs-a")],
)  # fmt: skip
def test_what_takes_something_from_somebody_is_done_by_a_person(act: Act, name: str) -> None:
    program = person(f"program-of-{name}", **PEOPLE[name], client_id=f"program-of-{name}")
    POLICY.require(person(name), act, record(), drafted_by="applicant")
    with pytest.raises(PersonRequired):
        POLICY.require(program, act, record(), drafted_by="applicant")
