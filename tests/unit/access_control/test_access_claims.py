"""Judging receipts: the order's own bytes, its own provider, its own place, and a move its life allows."""

import dataclasses
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_control.lifecycle import CLAIMED, LIFECYCLE, MOVES, OVER, UNSENT, Status
from access_control.service.claims import Accepted, Claim, Known, Refused, judge, missing
from access_control.store.orders import AccessOrder
from shared.contracts import examples
from shared.contracts.orders import Action, Order
from shared.contracts.receipts import Outcome, Receipt

PROVIDER = UUID(examples.PROVIDER)
NOW = datetime.fromisoformat(examples.AT)
STATUSES = st.sampled_from(list(Status))
OUTCOMES = st.sampled_from(list(Outcome))


def order(status: Status = Status.RELEASED) -> AccessOrder:
    example = Order.model_validate(Order.EXAMPLE)
    return AccessOrder(
        id=example.order_id,
        version=1,
        status=status,
        execution_id=example.cause.id,
        decision_id=example.decision_id,
        provider_id=example.provider_id,
        site_id=example.site.site_id,
        hosts=example.site.hosts,
        action=Action.CUT_OFF,
        attempt=1,
        issuer_id=example.issuer.id,
        regulator_id=example.issuer.id,
        supervisor_id=None,
        regions=("110000",),
        overdue=False,
        escalated_at=None,
        answer=None,
        undoes=None,
        undone_by=None,
        instruction_id=None,
        reissues=None,
        reissued_as=None,
        withdrawn_by=None,
        reissue_asked_by=None,
        trial=False,
        reissue_asked_at=None,
        reissue_reasons=None,
        drafted_at=NOW,
        release_at=NOW,
        until=None,
        sequence=None if status in UNSENT else example.sequence,
        issued_at=NOW,
        execute_by=NOW,
        digest=None if status in UNSENT else examples.DIGEST,
        kid="k",
        decided_at=NOW,
        urgent=False,
        changed_at=NOW,
    )


def claim(outcome: Outcome = Outcome.EXECUTED, **change: object) -> Claim:
    document = {**Receipt.EXAMPLE, "outcome": outcome, "why": "Not here any more.", **change}
    return Claim(Receipt.model_validate(document))


@given(STATUSES, OUTCOMES, st.booleans(), st.booleans())
def test_a_fitting_receipt_is_taken_exactly_when_the_life_of_the_order_allows_it(
    status: Status, outcome: Outcome, executed: bool, replayed: bool
) -> None:
    made = claim(outcome)
    used = {made.receipt.receipt_id: (made.receipt.order_id, outcome, made.receipt.at)}
    verdict = judge(made, order(status), provider_id=PROVIDER, taken=used if replayed else {}, executed=executed)
    allowed = status in OVER or (status, CLAIMED[outcome]) in MOVES
    again = executed and outcome == Outcome.EXECUTED
    assert isinstance(verdict, Accepted) == (allowed and not again and not replayed)
    if isinstance(verdict, Accepted):
        assert verdict.moved == (status not in OVER)
        assert verdict.after == (MOVES[status, CLAIMED[outcome]] if verdict.moved else status)
    elif isinstance(verdict, Known):
        assert replayed
    elif verdict.code == "action_refused":
        assert [CLAIMED[each] for each in verdict.allowed] == [
            move for move in CLAIMED.values() if LIFECYCLE.can(status, move)
        ]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"order_digest": "f" * 64}, "digest_mismatch"),
        ({"sequence": 2}, "sequence_mismatch"),
    ],
)
@given(status=STATUSES, outcome=OUTCOMES)
def test_a_receipt_that_does_not_fit_is_never_taken(
    change: dict[str, object], code: str, status: Status, outcome: Outcome
) -> None:
    verdict = judge(claim(outcome, **change), order(status), provider_id=PROVIDER, taken={}, executed=False)
    assert isinstance(verdict, Refused)
    assert verdict.code == ("unknown_order" if status in UNSENT else code)


@given(status=STATUSES, outcome=OUTCOMES)
def test_a_receipt_for_somebody_elses_order_is_never_taken(status: Status, outcome: Outcome) -> None:
    verdict = judge(claim(outcome), order(status), provider_id=uuid4(), taken={}, executed=False)
    assert isinstance(verdict, Refused)
    assert verdict.code == "foreign_order"


@pytest.mark.parametrize(("early", "code"), [(timedelta(days=1), None), (timedelta(days=1, seconds=1), "invalid")])
def test_what_is_said_to_have_happened_long_before_the_order_is_refused(early: timedelta, code: str | None) -> None:
    verdict = judge(claim(at=(NOW - early).isoformat()), order(), provider_id=PROVIDER, taken={}, executed=False)
    assert (verdict.code if isinstance(verdict, Refused) else None) == code


def test_an_order_nobody_knows_is_unknown() -> None:
    verdict = judge(claim(), None, provider_id=PROVIDER, taken={}, executed=False)
    assert verdict == Refused("unknown_order", verdict_id(), UUID(examples.ORDER))


def verdict_id() -> UUID:
    return UUID(examples.RECEIPT)


@pytest.mark.parametrize(
    ("outcome", "field"),
    [("received", None), ("executed", "how"), ("partly", "why"), ("impossible", "why"), ("contested", "why")],
)
def test_each_outcome_demands_its_own_members(outcome: str, field: str | None) -> None:
    receipt = Receipt.model_validate({**Receipt.EXAMPLE, "outcome": outcome, "how": None, "why": None})
    assert [name for name, _ in missing(receipt)] == ([field] if field else [])


def test_the_order_is_not_changed_by_judging() -> None:
    before = order()
    judge(claim(), before, provider_id=PROVIDER, taken={}, executed=False)
    assert dataclasses.asdict(before) == dataclasses.asdict(order())
