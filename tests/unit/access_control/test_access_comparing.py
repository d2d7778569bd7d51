"""Claimed beside observed, as arithmetic: what counts as a difference, since when, and when it is looked at again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from access_control.service.comparing import differences
from access_control.service.probing import AFTER, DIFFERING, next_look
from access_control.store.observations import Difference, Observation, Probed
from shared.contracts import examples
from shared.contracts.grounds import AuthorityRef
from shared.contracts.http.observed import Kind, Outcome
from shared.contracts.orders import Action
from shared.rules import load
from shared.runtime.base.ids import uuid7

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
HTTP, HTTPS = 80, 443
RESTORE = Probed(
    uuid7(), uuid7(), Action.RESTORE, ("a.example", "b.example"), ("192.0.2.1",), "https://register.example/a",
    AuthorityRef.model_validate(examples.REGULATOR), None, uuid7(), None, NOON, NOON, 0,
)  # fmt: skip
CUT = replace(RESTORE, action=Action.CUT_OFF, undoes=None)
STATUS = {Outcome.SERVED: 200, Outcome.WITH_LINK: 451, Outcome.WITHOUT_LINK: 451, Outcome.OTHER: 503}


def seen(minutes: int, outcome: Outcome, port: int = HTTP, host: str = "a.example", status: int = 0) -> Observation:
    said = status or STATUS.get(outcome)
    at = NOON + timedelta(minutes=minutes)
    return Observation(RESTORE.id, at, host, "192.0.2.1", port if said else 0, outcome, said, ours=False)


def found(order: Probed, *of: Observation, before: tuple[Observation, ...] = ()) -> list[tuple[Kind, int, int]]:
    """Kind, minutes since when, and how long it was seen."""
    differs = differences(order, of, before, order.hosts)
    return [(e.kind, int((e.since - NOON).total_seconds() / 60), int(e.again.total_seconds() / 60)) for e in differs]


def test_a_run_goes_on_through_silence_and_ends_where_it_agrees() -> None:
    cut, silence, fine = Outcome.WITHOUT_LINK, Outcome.NO_ANSWER, Outcome.SERVED
    assert found(RESTORE, seen(0, cut), seen(5, silence), seen(20, cut)) == [(Kind.RESTORED_BUT_CUT, 0, 20)]
    assert found(RESTORE, seen(0, cut), seen(5, silence)) == [(Kind.RESTORED_BUT_CUT, 0, 0)]
    assert found(RESTORE, seen(0, cut), seen(5, fine), seen(20, cut)) == [(Kind.RESTORED_BUT_CUT, 20, 0)]
    assert found(RESTORE, seen(0, cut), seen(5, fine)) == []
    assert found(RESTORE, seen(0, silence)) == []


def test_of_another_kind_it_begins_anew() -> None:
    assert found(CUT, seen(0, Outcome.SERVED), seen(20, Outcome.WITHOUT_LINK)) == [(Kind.CUT_WITHOUT_REASON, 20, 0)]
    late = replace(RESTORE, executed_at=NOON + timedelta(minutes=10))
    cut = Outcome.WITHOUT_LINK
    assert found(late, seen(0, cut)) == [(Kind.CUT_WITHOUT_ORDER, 0, 0)]
    assert found(late, seen(0, cut), seen(20, cut)) == [(Kind.RESTORED_BUT_CUT, 20, 0)]


def test_ports_and_names_are_told_apart_and_what_is_asked_no_more_does_not_count() -> None:
    cut, fine = Outcome.WITHOUT_LINK, Outcome.SERVED
    assert found(RESTORE, seen(0, fine), seen(0, cut, HTTPS)) == [(Kind.RESTORED_BUT_CUT, 0, 0)]
    assert found(RESTORE, seen(0, fine), seen(0, cut, HTTPS), seen(9, fine)) == [], "https is there no more"
    assert found(RESTORE, seen(0, cut), seen(0, fine, host="b.example"), seen(9, fine, host="b.example")) != []
    assert differences(RESTORE, [seen(0, cut)], [], ["b.example"]) == []
    two = differences(RESTORE, [seen(0, cut), seen(1, cut, host="b.example")], [], RESTORE.hosts)
    assert [each.names for each in two] == [("a.example", "b.example")]


@pytest.mark.parametrize(
    ("now", "before", "differs"),
    [
        (seen(9, Outcome.REFUSED), seen(-9, Outcome.REFUSED), True),
        (seen(9, Outcome.REFUSED), seen(-9, Outcome.SERVED), False),
        (seen(9, Outcome.OTHER), seen(-9, Outcome.OTHER), True),
        (seen(9, Outcome.OTHER), seen(-9, Outcome.OTHER, status=404), False),
        (seen(9, Outcome.OTHER), None, False),
        (seen(9, Outcome.SERVED), seen(-9, Outcome.SERVED), False),
        (seen(9, Outcome.OTHER, status=302), seen(-9, Outcome.OTHER, status=302), False),
    ],
)
def test_what_is_no_451_means_cut_only_where_it_was_so_while_cut(
    now: Observation, before: Observation | None, differs: bool
) -> None:
    assert bool(found(RESTORE, now, before=(before,) if before else ())) is differs


def test_the_next_look_is_later_each_time_sooner_while_it_differs_and_never_after_the_days() -> None:
    rules = load("cn-2006").observations
    assert rules is not None
    late = [next_look(replace(CUT, looks=looks), [], NOON, rules) for looks in range(20)]
    waits = [each - NOON for each in late if each is not None]
    assert waits == [*AFTER, *[AFTER[-1]] * (20 - len(AFTER))]
    apart, later = timedelta(minutes=rules.apart_minutes), replace(CUT, looks=6)

    def differing(since: timedelta, again: timedelta) -> Difference:
        return Difference(CUT.id, Kind.CUT_BUT_SERVED, NOON - since, NOON, ("a.example",), again)

    assert next_look(later, [differing(timedelta(), timedelta())], NOON, rules) == NOON + apart
    assert next_look(later, [differing(apart, apart)], NOON, rules) == NOON + DIFFERING
    assert next_look(later, [differing(timedelta(days=2), timedelta())], NOON, rules) == NOON + DIFFERING
    ends = replace(later, until=NOON + timedelta(days=1))
    assert next_look(ends, [], NOON, rules) == NOON + timedelta(days=1) + apart, "soon after a suspension ends"
    over = replace(CUT, begins_at=NOON - timedelta(days=rules.days) + AFTER[0])
    assert next_look(over, [], NOON, rules) is None
