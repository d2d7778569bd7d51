"""The checker of the fault tests finds each thing that can get lost, and names it."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.checker import (
    Call,
    Decided,
    Kept,
    Provider,
    Said,
    Traces,
    dark,
    of_everybody,
    of_provider,
    require_none,
)

STANDS, FELL, FELL_SOON, TAKEN_BACK = "decision-1", "decision-2", "decision-3", "decision-4"


def _order(number: int, action: str, sequence: int | None, status: str, undoes: str | None = None) -> dict[str, Any]:
    name = f"order-{number}-{action}"
    return {"id": name, "execution_id": f"execution-{number}", "site_id": f"site-{number}", "undoes": undoes,
            "action": action, "status": status, "sequence": sequence,
            "digest": name if sequence is not None else None}  # fmt: skip


def _held(order: dict[str, Any]) -> dict[str, Any]:
    return {"sequence": order["sequence"], "order_id": order["id"], "digest": order["digest"], "state": "executed",
            "note": "done"}  # fmt: skip


def _asked(verb: str, order: dict[str, Any]) -> Call:
    site = {"site_id": order["site_id"]}
    return Call(verb, {"order_id": order["id"], "sequence": order["sequence"], "undoes": order["undoes"], "site": site})


@pytest.fixture
def found() -> dict[str, Any]:
    """One that stands, one given back, one that fell before it went out, one whose order the desk took back."""
    cut, off = _order(1, "cut_off", 1, "executed"), _order(2, "cut_off", 2, "executed")
    on = _order(2, "restore", 3, "executed", off["id"])
    never, withdrawn = _order(3, "cut_off", None, "withdrawn"), _order(4, "cut_off", None, "withdrawn")
    receipts = [
        {"receipt_id": f"{outcome}-{order['id']}", "order_id": order["id"], "outcome": outcome}
        for order in (cut, off, on)
        for outcome in ("received", "executed")
    ]
    return {
        "said": Said(
            released={f"decision-{n}": Decided(f"site{n}.example", f"site-{n}") for n in (1, 2, 3, 4)},
            undone={FELL: 1.0, FELL_SOON: 1.0},
            withdrawn={withdrawn["id"]},
        ),
        "decisions": {STANDS: "executed", FELL: "overturned", FELL_SOON: "overturned", TAKEN_BACK: "executed"},
        "executions": {
            f"decision-{n}": {"id": f"execution-{n}", "status": status, "carried_out": True}
            for n, status in ((1, "carried_out"), (2, "undone"), (3, "undone"), (4, "carried_out"))
        },
        "heard": {f"execution-{n}": {"carried_out": True, "undone": n in {2, 3}} for n in (1, 2, 3, 4)},
        "outcomes": {order["id"]: "executed" for order in (cut, off, on)}
        | {order["id"]: "withdrawn" for order in (never, withdrawn)},
        "orders": [cut, off, on, never, withdrawn],
        "receipts": receipts,
        "state": {"in_force": 1, "hash": "one"},
        "in_force": (1, "one"),
        "held": [_held(order) for order in (cut, off, on)],
        "sent": [receipt | {"state": "accepted", "code": None} for receipt in receipts],
        "calls": [_asked("suspend", cut), _asked("suspend", off), _asked("restore", on)],
        "told": {("registry-events", "execution-2"): ["carried out", "undone"]},
        "read": {("registry-events", "execution-2"): ["carried out", "undone", "undone"]},
        "waiting": {"facts of registry are not published": 0},
        "shown": {f"site{n}.example": "suspended" if n == 1 else "serving" for n in (1, 2, 3, 4)},
    }


def _provider(found: dict[str, Any]) -> Provider:
    kept = Kept(found["in_force"], found["held"], found["sent"], found["calls"])
    return Provider("host", found["orders"], found["receipts"], found["state"], kept)


def _wrong(found: dict[str, Any]) -> list[str]:
    names = ("said", "decisions", "executions", "heard", "outcomes", "told", "read", "waiting", "shown")
    return of_everybody(Traces(now=2.0, providers=[_provider(found)], **{name: found[name] for name in names}))


def test_of_what_everybody_agrees_on_nothing_is_wrong(found: dict[str, Any]) -> None:
    require_none(_wrong(found))
    assert dark(found["calls"]) == {"site-1"}


def _without(name: str, place: int) -> Callable[[dict[str, Any]], None]:
    return lambda found: found[name].pop(place)


def _set(name: str, place: Any, **values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda found: found[name][place].update(values)


def _say(name: str, place: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda found: found[name].__setitem__(place, value)


def _add(name: str, *values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda found: found[name].extend(values)


def _never_restored(found: dict[str, Any]) -> None:
    """As if `undone` had never been heard of."""
    for name in ("orders", "held", "calls"):
        found[name].pop(2)


def _undone_in_silence(found: dict[str, Any]) -> None:
    found["executions"][FELL]["status"] = "carried_out"


def _out_of_order(found: dict[str, Any]) -> None:
    found["calls"].append(found["calls"].pop(1))


def _carried_out_all_the_same(found: dict[str, Any]) -> None:
    found["calls"].append(_asked("suspend", found["orders"][4] | {"sequence": 9}))


def _declined(found: dict[str, Any]) -> None:
    found["executions"][STANDS] |= {"status": "declined", "carried_out": False}
    found["said"].declined.add(STANDS)


def _desk_disobeyed(found: dict[str, Any]) -> None:
    found["said"].withdrawn.add(found["orders"][0]["id"])


def _released_and_gone(found: dict[str, Any]) -> None:
    found["said"].released["decision-5"] = Decided("site5.example", "site-5")


LIES: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (_never_restored, "was taken back, and cut_off 2 of site site-2 (order order-2-cut_off) has no restore"),
    (_undone_in_silence, "enforcement has it as overturned, the register as carried_out"),
    (_set("heard", "execution-2", undone=False), "access-control never heard that the decision decision-2"),
    (_set("orders", 2, status="received"), "restore 3 of site site-2 (order order-2-restore) is still received"),
    (_set("held", 2, state="passed"), "restore 3 of site site-2 (order order-2-restore) was not carried out"),
    (_without("calls", 2), "restore 3 of site site-2 (order order-2-restore) was answered and not carried out"),
    (_without("calls", 2), "site2.example is off at its provider, and by what was decided it is served"),
    (_without("held", 2), "provider host never got restore 3"),
    (_set("held", 0, digest="other"), "holds other bytes than were signed for cut_off 1"),
    (_out_of_order, "what was done at site site-2 was done in the order [3, 2]"),
    (_carried_out_all_the_same, "was taken back, and reached its provider all the same"),
    (_desk_disobeyed, "the desk took order order-1-cut_off back, and it is executed"),
    (lambda found: found["said"].withdrawn.clear(), "was taken back by nobody"),
    (_declined, "was never carried out, and order order-1-cut_off followed from it"),
    (_without("orders", 0), "0 orders followed from the decision decision-1"),
    (_add("orders", _order(1, "suspend", 4, "executed")), "2 orders followed from the decision decision-1"),
    (_add("orders", _order(2, "restore", 4, "executed", "order-2-cut_off")), "and 2 restores undo cut_off 2"),
    (_add("orders", _order(1, "restore", 4, "executed", "order-1-cut_off")), "stands, and 1 restores undo cut_off 1"),
    (_set("orders", 1, sequence=9), "its orders have the places [1, 3, 9]"),
    (_without("receipts", 5), "the receipt executed of order order-2-restore was handed in and is lost"),
    (_without("sent", 5), "receipt executed-order-2-restore is recorded, and its provider never wrote it"),
    (_set("sent", 5, state="queued"), "the receipt executed of order order-2-restore was never handed in"),
    (_add("receipts", {"receipt_id": "again", "order_id": "order-1-cut_off", "outcome": "executed"}), "2 times"),
    (_say("outcomes", "order-2-restore", "received"), "is executed, and the register was told received"),
    (_say("read", ("registry-events", "execution-2"), ["carried out"]), "the broker lost undone"),
    (_say("read", ("registry-events", "execution-2"), ["undone", "carried out"]), "the broker holds ['undone',"),
    (_say("waiting", "facts of registry are not published", 3), "3 facts of registry are not published"),
    (_say("shown", "site2.example", "suspended"), "site2.example is shown to the public as suspended"),
    (_say("shown", "site1.example", "serving"), "site1.example is shown to the public as serving"),
    (_released_and_gone, "decision-5 about site5.example was released and never reached the register"),
]


@pytest.mark.parametrize(("lie", "named"), LIES)
def test_whatever_is_lost_is_named(found: dict[str, Any], lie: Callable[[dict[str, Any]], Any], named: str) -> None:
    changed = copy.deepcopy(found)
    lie(changed)
    with pytest.raises(AssertionError) as told:
        require_none(_wrong(changed))
    assert named in str(told.value)


def test_what_is_in_force_must_be_the_same_on_both_sides(found: dict[str, Any]) -> None:
    assert any("1 orders are in force there, 2 at access-control" in each for each in _wrong(
        found | {"state": {"in_force": 2, "hash": "two"}}))  # fmt: skip


def test_a_suspension_whose_time_is_over_must_have_been_given_back(found: dict[str, Any]) -> None:
    found["said"].released[STANDS] = Decided("site1.example", "site-1", until=1.5)
    assert any("decision-1 about site1.example is over, and" in each for each in _wrong(found))


def test_what_was_declined_needs_no_end(found: dict[str, Any]) -> None:
    for name in ("orders", "held", "calls"):
        del found[name][0]
    found["receipts"], found["sent"] = found["receipts"][2:], found["sent"][2:]
    found |= {"orders": [each | {"sequence": each["sequence"] and each["sequence"] - 1} for each in found["orders"]]}
    found |= {"held": [each | {"sequence": each["sequence"] - 1} for each in found["held"]]}
    found["shown"]["site1.example"] = "serving"
    found["decisions"][STANDS], found["said"].released[STANDS] = "declined", Decided("site1.example", "site-1", 1.5)
    _declined(found)
    require_none(_wrong(found))


def test_a_hook_may_be_asked_twice_only_where_somebody_was_killed(found: dict[str, Any]) -> None:
    found["calls"].insert(1, found["calls"][0])
    require_none(_wrong(found))
    require_none(of_provider(_provider(found), again=True))
    assert list(of_provider(_provider(found), again=False)) == [
        "order order-1-cut_off was carried out 2 times (suspend)"
    ]
