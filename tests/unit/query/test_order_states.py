"""What orders mean for a site, whatever the order in which their facts arrive."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query.readmodel import lifecycle
from query.readmodel.decoding import Decoded
from query.readmodel.lifecycle import Hosting, Order, OrderFact
from tests.unit.query.build import AT, order, wire

STORY = ("released", "received", "overdue", "executed")


def facts(*given: Any) -> list[OrderFact]:
    decoded = Decoded()
    for fact in given:
        decoded.take(fact.TOPIC.name, wire(fact))
    return decoded.orders


def orders(*given: Any) -> list[Order]:
    known: list[Order] = []
    for fact in facts(*given):
        known = lifecycle.merge(known, fact)
    return known


def state(*given: Any) -> str:
    return lifecycle.at_provider("live", orders(*given)).state


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["released"], "cut_off_ordered"),
        (["released", "received"], "cut_off_ordered"),
        (["released", "partly_executed"], "cut_off_ordered"),
        (["released", "impossible"], "cut_off_ordered"),
        (["released", "contested", "answered"], "cut_off_ordered"),
        (["released", "executed"], "suspended"),
        (["withdrawn"], "serving"),
    ],
)
def test_each_step_of_a_cut_off_has_its_state(steps: list[str], expected: str) -> None:
    assert state(*[order(step) for step in steps]) == expected


def test_a_restore_takes_over_from_the_cut_off_before_it() -> None:
    cut = [order("released", 1), order("executed", 1)]
    assert state(*cut, order("released", 2, action="restore")) == "restore_ordered"
    assert state(*cut, order("released", 2, action="restore"), order("executed", 2, action="restore")) == "serving"


def test_a_late_step_of_an_older_order_does_not_move_the_state_back() -> None:
    restored = [order("released", 2, action="restore"), order("executed", 2, action="restore")]
    assert state(*restored, order("released", 1), order("executed", 1)) == "serving"


def test_where_no_order_went_out_the_register_speaks() -> None:
    assert lifecycle.at_provider("stopped", []).state == "cut_off_ordered"
    assert lifecycle.at_provider("stopped", orders(order("withdrawn", None))).state == "cut_off_ordered"
    assert lifecycle.at_provider("stopped", orders(order("executed"))).state == "suspended"
    assert lifecycle.at_provider("ended", orders(order("executed"))).state == "ended"


def test_an_order_sent_again_is_another_one() -> None:
    again = [order("released", 2, attempt=2, order_id=order("released", 1).order_id)]  # type: ignore[attr-defined]
    assert state(order("released"), order("withdrawn"), *again) == "cut_off_ordered"
    assert state(*again, order("withdrawn"), order("released")) == "cut_off_ordered"


def test_the_latest_answer_to_an_objection_is_kept_in_whatever_order_they_come() -> None:
    answers = [order("answered", minutes=1, answer="rejected"), order("answered", minutes=9, answer="accepted")]
    for story in itertools.permutations([order("contested"), *answers]):
        assert [each.answer for each in orders(*story)] == ["accepted"]


def test_since_is_the_moment_of_the_step_that_made_the_state() -> None:
    hosting = lifecycle.at_provider("live", orders(order("released", 1), order("executed", 1, minutes=5)))
    assert hosting.since == AT.replace(hour=5, minute=5)
    assert hosting.order_status is None
    waiting = lifecycle.at_provider("live", orders(order("released", 1), order("contested", 1, minutes=5)))
    assert (waiting.since, waiting.order_status) == (AT.replace(hour=5), "contested")


def test_every_order_of_arrival_gives_the_same_bytes() -> None:
    story = [
        *(order(step, 1, minutes=minute) for minute, step in enumerate(STORY)),
        order("released", 2, action="restore"),
    ]
    results = {lifecycle.dump(orders(*each)) for each in itertools.permutations(story)}
    assert len(results) == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(lifecycle.RANK)),
            st.integers(1, 5),
            st.integers(0, 3),
            st.sampled_from(["cut_off", "restore"]),
        ),
        max_size=14,
    ),
    st.randoms(use_true_random=False),
)
def test_replays_and_disorder_change_nothing(story: list[tuple[str, int, int, str]], random: Any) -> None:
    actions = {sequence: action for _, sequence, _, action in reversed(story)}
    given = [order(step, sequence, minutes=minute, action=actions[sequence]) for step, sequence, minute, _ in story]
    again = [*given, *random.choices(given, k=5)] if given else []
    random.shuffle(again)
    assert lifecycle.dump(orders(*given)) == lifecycle.dump(orders(*again))


def down(step: str, sequence: int, execution: int, **more: Any) -> Any:
    return order(step, sequence, decision=execution, **more)


def up(step: str, sequence: int, execution: int, **more: Any) -> Any:
    return order(step, sequence, decision=execution, action="restore", **more)


def test_a_restore_gives_back_no_more_than_what_its_own_measure_took() -> None:
    both = [down("executed", 1, 1, action="suspend"), down("executed", 2, 2)]
    other_fell = [*both, up("released", 3, 2), up("executed", 3, 2)]
    hosting = lifecycle.at_provider("stopped", orders(*other_fell))
    assert (hosting.state, hosting.order_id) == ("suspended", both[0].order_id), "the first measure stands"
    assert state(*other_fell, up("released", 4, 1)) == "restore_ordered"
    assert state(*other_fell, up("executed", 4, 1)) == "serving"


def test_a_late_restore_is_seen_whatever_came_after_it() -> None:
    first = [down("executed", 1, 1), up("released", 2, 1), up("overdue", 2, 1), up("impossible", 2, 1)]
    late = lifecycle.at_provider("live", orders(*first))
    assert (late.state, late.order_status, late.restore_late) == ("restore_ordered", "impossible", True)
    then = [*first, down("executed", 3, 2), up("executed", 4, 2)]
    assert lifecycle.at_provider("live", orders(*then)) == late, "that of another measure was done"
    behind = lifecycle.at_provider("live", orders(*first, down("released", 3, 2)))
    assert (behind.state, behind.order_status, behind.restore_late) == ("cut_off_ordered", "released", True)
    elsewhere = Hosting("cut_off_ordered", AT, None)
    assert lifecycle.overall([elsewhere, late]) == Hosting("cut_off_ordered", AT, None, None, restore_late=True)
    assert not lifecycle.at_provider("live", orders(*first, up("executed", 2, 1))).restore_late, "done after all"
    assert not lifecycle.at_provider("live", orders(down("released", 1, 1), down("overdue", 1, 1))).restore_late


def test_since_is_when_what_stands_began() -> None:
    both = [down("executed", 1, 1, minutes=5), down("executed", 2, 2)]
    assert lifecycle.at_provider("live", orders(*both)).since == AT.replace(hour=5, minute=5), "stopped since the first"
    back = [up("executed", 3, 1, minutes=90), up("executed", 4, 2)]
    served = lifecycle.at_provider("live", orders(*both, *back))
    assert (served.state, served.since) == ("serving", AT.replace(hour=8, minute=30)), "served since the last was done"


def replaced(*steps_of_the_restore: str) -> list[Any]:
    """A measure that was laid on again with a name spared (ADR 26), and the restore of what was out before."""
    story = [down(step, place, 1, attempt=place) for place in (1, 2) for step in ("released", "executed")]
    return [*story, *(back(step, 3, story[0]) for step in steps_of_the_restore)]


def back(step: str, sequence: int, burden: Any) -> Any:
    """A step of the restore of an order of the first measure; only the first step names the order."""
    undoes = {"undoes": burden.order_id} if step == "released" else {}
    return up(step, sequence, 1, attempt=burden.attempt, **undoes)


@pytest.mark.parametrize(
    "steps", [("released",), ("released", "executed"), ("released", "overdue"), ("released", "overdue", "impossible")]
)
def test_the_restore_of_an_order_that_was_replaced_brings_nothing_back(steps: tuple[str, ...]) -> None:
    """In any order of arrival, and again: what stands in its place stands, and the site is not late for anything."""
    story = replaced(*steps)
    (again,) = {each.order_id for each in story if each.attempt == 2 and each.action == "cut_off"}
    for arrived in (story, story[::-1], [*story, *story[::2]]):
        hosting = lifecycle.at_provider("stopped", orders(*arrived))
        expected = Hosting("suspended", AT.replace(hour=5), again)
        assert hosting == expected, "stopped since the first, by the order that stands"


def test_what_was_replaced_and_what_replaced_it_are_given_back_one_by_one() -> None:
    story = replaced("released", "overdue")
    first, second = story[0], story[2]
    last = [back("released", 4, second), back("executed", 4, second)]
    late = lifecycle.at_provider("live", orders(*story, *last))
    assert (late.state, late.restore_late) == ("restore_ordered", True), "what was replaced is not given back yet"
    done = lifecycle.at_provider("live", orders(*story, *last, back("executed", 3, first)))
    assert (done.state, done.restore_late) == ("serving", False)
    alone = lifecycle.at_provider("live", orders(*replaced("released", "executed"), last[0]))
    assert (alone.state, alone.order_id) == ("restore_ordered", last[0].order_id)


def test_what_replaces_an_order_that_was_not_carried_out_is_not_carried_out_either() -> None:
    first, again = down("released", 1, 1), down("released", 2, 1, attempt=2)
    story = [first, again, down("withdrawn", 1, 1), back("released", 3, first)]
    waiting = lifecycle.at_provider("stopped", orders(*story, back("executed", 3, first)))
    assert (waiting.state, waiting.order_id) == ("cut_off_ordered", again.order_id)


def test_a_site_that_was_back_in_between_is_stopped_since_the_second_order() -> None:
    first = down("executed", 1, 1)
    story = [first, back("released", 2, first), back("executed", 2, first)]
    hosting = lifecycle.at_provider("stopped", orders(*story, down("executed", 3, 1, attempt=2)))
    assert (hosting.state, hosting.since) == ("suspended", AT.replace(hour=7))


def test_a_restore_that_names_no_order_takes_back_what_was_sent_before_it() -> None:
    story = [down("executed", 1, 1), down("executed", 2, 1, attempt=2), up("released", 3, 1)]
    assert state(*story) == "restore_ordered"
    assert state(*story, down("released", 4, 1, attempt=3)) == "cut_off_ordered"


PARTS = ("send", "done", "spare", "restored", "late", "undo")


@given(st.lists(st.sampled_from(PARTS), max_size=30), st.randoms(use_true_random=False))
def test_of_one_measure_the_order_that_is_not_given_back_counts(story: list[str], random: Any) -> None:
    """Beside a list of the orders of one execution and a list of their restores, as their provider sees them."""
    sent: list[Any] = []
    undone: dict[int, Any] = {}
    given: list[Any] = []
    done: set[int] = set()
    late: set[int] = set()

    def restore(burden: Any) -> None:
        place = len(sent) + len(undone) + 1
        undone[burden.sequence] = (place, burden)
        given.append(back("released", place, burden))

    for act in story:
        standing = [each for each in sent if each.sequence not in undone]
        waiting = [each for each in undone.values() if each[0] not in done]
        if act in {"send", "spare"} and (act == "send") != bool(standing):
            sent.append(down("released", len(sent) + len(undone) + 1, 1, attempt=len(sent) + 1))
            given.append(sent[-1])
            if act == "spare":
                restore(standing[0])
        elif act == "undo" and standing:
            restore(standing[0])
        elif act == "done" and standing:
            done.add(standing[0].sequence)
            given.append(down("executed", standing[0].sequence, 1, attempt=standing[0].attempt))
        elif act in {"restored", "late"} and waiting:
            place, burden = waiting[0]
            given.append(back("executed" if act == "restored" else "overdue", place, burden))
            (done if act == "restored" else late).add(place)
    standing = [each for each in sent if each.sequence not in undone]
    if standing:
        expected = ("suspended" if standing[0].sequence in done else "cut_off_ordered", False)
    else:
        places = {place for place, _ in undone.values()} - done
        expected = ("restore_ordered" if places else "serving", bool(places & late))
    again = [*given, *random.choices(given, k=3)] if given else []
    random.shuffle(again)
    seen = lifecycle.at_provider("live", orders(*again))
    assert (seen.state, seen.restore_late) == expected


ACTS = ("stop", "done", "give_back", "back", "late", "object")


@given(st.lists(st.tuples(st.sampled_from(ACTS), st.integers(1, 4)), max_size=24), st.randoms(use_true_random=False))
def test_every_measure_counts_until_it_is_given_back(story: list[tuple[str, int]], random: Any) -> None:
    """Beside a dictionary of what the provider was told about each measure, and what it has done of it."""
    told: dict[int, str] = {}
    places: dict[int, int] = {}
    late: set[int] = set()
    given: list[Any] = []
    for act, measure in story:
        before = told.get(measure, "nothing")
        if act == "stop" and before == "nothing":
            places[measure], told[measure] = len(given) + 1, "to_stop"
            given.append(down("released", places[measure], measure))
        elif act == "done" and before == "to_stop":
            told[measure] = "stopped"
            given.append(down("executed", places[measure], measure))
        elif act == "give_back" and before in {"to_stop", "stopped"}:
            if before == "to_stop":
                given.append(down("withdrawn", places[measure], measure))
            places[measure], told[measure] = len(given) + 1, "to_host"
            given.append(up("released", places[measure], measure))
        elif act == "back" and before == "to_host":
            told[measure] = "hosted"
            late.discard(measure)
            given.append(up("executed", places[measure], measure))
        elif act == "late" and before == "to_host":
            late.add(measure)
            given.append(up("overdue", places[measure], measure))
        elif act == "object" and before in {"to_stop", "to_host"}:
            given.append((down if before == "to_stop" else up)("contested", places[measure], measure))
    random.shuffle(given)
    seen = lifecycle.at_provider("live", orders(*given))
    states = {"to_stop": "cut_off_ordered", "to_host": "restore_ordered", "stopped": "suspended", "hosted": "serving"}
    expected = next((states[each] for each in states if each in told.values()), "serving")
    assert (seen.state, seen.restore_late) == (expected, bool(late))


def test_of_several_providers_the_one_furthest_from_done_speaks() -> None:
    def at(state: str) -> Hosting:
        return Hosting(state, AT, None)

    assert lifecycle.overall([at("suspended"), at("cut_off_ordered")]).state == "cut_off_ordered"
    assert lifecycle.overall([at("suspended"), at("suspended")]).state == "suspended"
    assert lifecycle.overall([lifecycle.IDLE, at("restore_ordered")]).state == "restore_ordered"
    assert lifecycle.overall([lifecycle.GONE, at("suspended")]).state == "suspended"
    assert lifecycle.overall([]).state == "serving"


def test_no_order_is_forgotten() -> None:
    known = orders(*[order("executed", sequence) for sequence in range(1, 50)])
    assert [each.sequence for each in known] == list(range(1, 50))


@pytest.mark.parametrize("said", [4, 40])
def test_the_providers_own_time_is_kept_beside_the_time_of_the_record(said: int) -> None:
    (known,) = orders(order("released"), order("received", minutes=5), order("executed", minutes=6, said=said))
    assert known.steps["executed"] == AT.replace(hour=5, minute=6)
    assert known.executed_at == AT.replace(hour=5, minute=said)
