"""Whether all sides agree when everything is over, and what of it was lost, doubled, or done in another order.

It asks nobody: it is handed what each side holds and names whatever is wrong, so that it can be handed lies as well.
`of_provider` compares one provider's agent with access-control, `of_everybody` what people were told with all the rest.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

Row = Mapping[str, Any]
DONE: Final = frozenset({"executed", "superseded", "lapsed", "withdrawn"})
"""Statuses of an order of which nothing more is expected."""
OUTCOME: Final = {"executed": "executed", "superseded": "withdrawn", "lapsed": "withdrawn", "withdrawn": "withdrawn"}
"""What the register was told last of an order, by where it stands at access-control."""
FELL: Final = frozenset({"overturned", "ended"})
NOT_CARRIED_OUT: Final = frozenset({"moot", "declined"})


@dataclass(frozen=True)
class Call:
    """What a hook was asked, and when (seconds since 1970)."""

    verb: str
    order: Row
    at: float = 0.0


@dataclass(frozen=True)
class Kept:
    """What a provider's agent holds: its journal, and what its hook was asked."""

    in_force: tuple[int, str]
    orders: Sequence[Row]
    receipts: Sequence[Row]
    calls: Sequence[Call]


@dataclass(frozen=True)
class Provider:
    """One provider from both sides: what access-control has of it, and what its agent holds."""

    id: str
    orders: Sequence[Row]
    receipts: Sequence[Row]
    state: Row
    kept: Kept


@dataclass(frozen=True)
class Decided:
    """A decision whose release was answered."""

    domain: str
    site_id: str
    until: float | None = None
    """When it ends by itself (seconds since 1970)."""


@dataclass
class Said:
    """What people did, as far as they were told that it is done."""

    released: dict[str, Decided] = field(default_factory=dict)
    undone: dict[str, float] = field(default_factory=dict)
    """Decisions that fell on appeal or were lifted, and when."""
    declined: set[str] = field(default_factory=set)
    """Decisions that the regulator declined."""
    withdrawn: set[str] = field(default_factory=set)
    """Orders that the desk took back in their window."""


@dataclass(frozen=True)
class Traces:
    """What everybody holds in the end."""

    said: Said
    now: float
    decisions: Mapping[str, str]
    """Status by id, at enforcement."""
    executions: Mapping[str, Row]
    """By decision, at the register: id, status, and whether it was ever carried out."""
    heard: Mapping[str, Row]
    """By execution, at access-control: whether it heard carried_out and undone."""
    outcomes: Mapping[str, str]
    """By order, at the register."""
    providers: Sequence[Provider]
    told: Mapping[tuple[str, str], Sequence[str]]
    """By topic and key: what the outboxes hold, in order."""
    read: Mapping[tuple[str, str], Sequence[str]]
    """By topic and key: what the broker holds, in order."""
    waiting: Mapping[str, int] = field(default_factory=dict)
    """Facts that wait to be published, and events that are parked, by department."""
    shown: Mapping[str, str] = field(default_factory=dict)
    """State of hosting by domain, as the public reads it."""


def of_everybody(found: Traces) -> list[str]:
    """Everything that is wrong; nothing if all is well."""
    return [*_waiting(found), *_of_facts(found), *_of_decisions(found), *_of_orders(found), *_of_providers(found),
            *_of_sites(found)]  # fmt: skip


def require_none(faults: Iterable[str]) -> None:
    """Raises AssertionError, which names them all."""
    if found := list(faults):
        raise AssertionError("\n".join(["not everybody agrees:", *found]))


# --- one provider -----------------------------------------------------------------------------------------------------


def of_provider(side: Provider, *, again: bool) -> Iterator[str]:
    """``again``: a hook may be asked twice for the same, as after a crash."""
    out = sorted((row for row in side.orders if row["sequence"] is not None), key=lambda row: row["sequence"])
    if (places := [row["sequence"] for row in out]) != list(range(1, len(out) + 1)):
        yield f"provider {side.id}: its orders have the places {places}"
    yield from _arrived(side, out)
    yield from _answered(side, out)
    yield from _carried_out(side, out, again=again)
    agreed, mine = (side.state["in_force"], side.state["hash"]), side.kept.in_force
    if agreed != mine:
        yield f"provider {side.id}: {mine[0]} orders are in force there, {agreed[0]} at access-control, or other ones"


def _name(row: Row) -> str:
    return f"{row['action']} {row['sequence']} of site {row['site_id']} (order {row['id']})"


def _arrived(side: Provider, out: Sequence[Row]) -> Iterator[str]:
    there = {row["sequence"]: row for row in side.kept.orders}
    for row in out:
        held = there.pop(row["sequence"], None)
        if held is None:
            yield f"provider {side.id} never got {_name(row)}"
        elif held["digest"] != row["digest"]:
            yield f"provider {side.id} holds other bytes than were signed for {_name(row)}"
    for held in there.values():
        yield f"provider {side.id} holds order {held['order_id']}, which nobody gave it"


def _answered(side: Provider, out: Sequence[Row]) -> Iterator[str]:
    said = Counter((str(row["order_id"]), row["outcome"]) for row in side.receipts)
    for (order_id, outcome), times in said.items():
        if times > 1:
            yield f"the receipt {outcome} of order {order_id} is recorded {times} times"
    recorded = {str(row["receipt_id"]) for row in side.receipts}
    for receipt in side.kept.receipts:
        label = f"the receipt {receipt['outcome']} of order {receipt['order_id']}"
        if receipt["state"] == "queued":
            yield f"{label} was never handed in"
        elif receipt["state"] == "refused" and (receipt["outcome"], receipt["code"]) != ("received", "action_refused"):
            yield f"{label} was refused: {receipt['code']}"
        elif receipt["state"] == "accepted" and receipt["receipt_id"] not in recorded:
            yield f"{label} was handed in and is lost"
    for lost in recorded - {receipt["receipt_id"] for receipt in side.kept.receipts}:
        yield f"receipt {lost} is recorded, and its provider never wrote it"
    for row in out:
        if row["status"] not in DONE:
            yield f"{_name(row)} is still {row['status']}"
        elif row["status"] == "executed" and (str(row["id"]), "executed") not in said:
            yield f"{_name(row)} counts as executed, and no receipt says so"


def _carried_out(side: Provider, out: Sequence[Row], *, again: bool) -> Iterator[str]:
    states = {row["order_id"]: row for row in side.kept.orders}
    asked = Counter((call.order["order_id"], call.verb) for call in side.kept.calls)
    for (order_id, verb), times in asked.items():
        if order_id not in states:
            yield f"order {order_id} was carried out ({verb}), and its provider holds no such order"
        if times > 1 and not again:
            yield f"order {order_id} was carried out {times} times ({verb})"
    done = {order_id for order_id, _ in asked}
    for row in out:
        held = states.get(str(row["id"]))
        if held is None:
            continue
        if held["state"] not in {"executed", "passed"} or (row["action"] == "restore" and held["state"] == "passed"):
            yield f"{_name(row)} was not carried out: {held['state']} there"
        over = row["action"] == "suspend" and str(held["note"]).startswith("Nothing was done")
        if held["state"] == "executed" and str(row["id"]) not in done and not over:
            yield f"{_name(row)} was answered and not carried out"
        if (
            held["state"] == "passed" and str(row["id"]) in done and not again
        ):  # killed before it wrote down that it did
            yield f"{_name(row)} was passed over and carried out"
    for row in side.orders:
        if row["sequence"] is None and str(row["id"]) in done | states.keys():
            yield f"order {row['id']} of site {row['site_id']} was taken back, and reached its provider all the same"
    places = defaultdict[str, list[int]](list)
    for call in side.kept.calls:
        if call.verb != "resume":  # its suspension's own place, whenever that ends
            places[call.order["site"]["site_id"]].append(call.order["sequence"])
    for site, those in places.items():
        if those != sorted(those):
            yield f"what was done at site {site} was done in the order {those}"


def dark(calls: Sequence[Call]) -> set[str]:
    """The sites that are off after these calls, as a web server that knows nothing else would have them."""
    off = defaultdict[str, set[str]](set)
    for call in calls:
        held = off[call.order["site"]["site_id"]]
        if call.verb == "suspend":
            held.add(call.order["order_id"])
        else:
            held.discard(call.order["undoes"] if call.verb == "restore" else call.order["order_id"])
    return {site for site, orders in off.items() if orders}


# --- everybody --------------------------------------------------------------------------------------------------------


def fell(found: Traces, decision_id: str) -> str | None:
    """Why a decision has no effect any more: what was decided must have been given back; none if it stands."""
    until = found.said.released[decision_id].until
    if decision_id in found.said.undone:
        return "was taken back"
    return "is over" if until is not None and until <= found.now else None


def _waiting(found: Traces) -> Iterator[str]:
    for what, many in found.waiting.items():
        if many:
            yield f"{many} {what}"


def _of_facts(found: Traces) -> Iterator[str]:
    for (topic, key), told in found.told.items():
        read = list(dict.fromkeys(found.read.get((topic, key), ())))
        if lost := [each for each in told if each not in read]:
            yield f"{topic}: of what was told about {key}, the broker lost {', '.join(lost)}"
        elif read != list(told):
            yield f"{topic}: about {key} was told {list(told)}, and the broker holds {read}"


def _orders(found: Traces) -> dict[str, list[Row]]:
    by = defaultdict[str, list[Row]](list)
    for provider in found.providers:
        for row in provider.orders:
            by[str(row["execution_id"])].append(row)
    return by


def _of_decisions(found: Traces) -> Iterator[str]:
    orders = _orders(found)
    for decision_id, decided in found.said.released.items():
        name = f"the decision {decision_id} about {decided.domain}"
        execution, why = found.executions.get(decision_id), fell(found, decision_id)
        status = found.decisions.get(decision_id)
        if execution is None:
            yield f"{name} was released and never reached the register"
            continue
        declined = (status, execution["status"]) == ("declined", "declined")
        fallen = status in FELL and execution["status"] in {"undone", *NOT_CARRIED_OUT}
        if why is not None and not fallen and not (declined and decision_id not in found.said.undone):
            yield f"{name} {why}, and enforcement has it as {status}, the register as {execution['status']}"
        if why is None and not declined and (status, execution["status"]) != ("executed", "carried_out"):
            yield f"{name} stands, and enforcement has it as {status}, the register as {execution['status']}"
        if decision_id in found.said.declined and execution["status"] != "declined":
            yield f"{name} was declined, and the register has it as {execution['status']}"
        yield from _of_execution(found, name, execution, why, orders.get(execution["id"], []))


def _of_execution(found: Traces, name: str, execution: Row, why: str | None, orders: Sequence[Row]) -> Iterator[str]:
    burdens = [row for row in orders if row["action"] != "restore"]
    heard = found.heard.get(execution["id"], {})
    if not execution["carried_out"]:
        if orders:
            yield f"{name} was never carried out, and order {orders[0]['id']} followed from it"
        return
    for said in ("carried_out", "undone") if execution["status"] == "undone" else ("carried_out",):
        if not heard.get(said):
            yield f"access-control never heard that {name} was {said}"
    if len(burdens) > 1 or (not burdens and why is None):
        yield f"{len(burdens)} orders followed from {name}"
    for burden in burdens:
        back = [row for row in orders if row["undoes"] is not None and str(row["undoes"]) == str(burden["id"])]
        if why is not None and burden["sequence"] is not None and not back:
            yield f"{name} {why}, and {_name(burden)} has no restore"
        if len(back) > 1 or (why is None and back):
            yield f"{name} {why or 'stands'}, and {len(back)} restores undo {_name(burden)}"
        if back and back[0]["sequence"] is not None and back[0]["sequence"] < (burden["sequence"] or 0):
            yield f"{_name(back[0])} went out before what it undoes, {_name(burden)}"
        if why is None and burden["status"] == "withdrawn" and str(burden["id"]) not in found.said.withdrawn:
            yield f"order {burden['id']} of {name} was taken back by nobody"


def _of_orders(found: Traces) -> Iterator[str]:
    every = {str(row["id"]): row for provider in found.providers for row in provider.orders}
    for order_id in found.said.withdrawn:
        if (status := every.get(order_id, {}).get("status")) != "withdrawn":
            yield f"the desk took order {order_id} back, and it is {status or 'lost'}"
    known: Collection[str] = {execution["id"] for execution in found.executions.values()}
    for order_id, row in every.items():
        if str(row["execution_id"]) not in known:
            yield f"order {order_id} follows from no execution of the register"
        told = found.outcomes.get(order_id)
        if told != OUTCOME.get(row["status"]):
            yield f"order {order_id} of site {row['site_id']} is {row['status']}, and the register was told {told}"


def _of_providers(found: Traces) -> Iterator[str]:
    for provider in found.providers:
        yield from of_provider(provider, again=True)


def _of_sites(found: Traces) -> Iterator[str]:
    """What was decided, what the providers do, and what the public reads are the same."""
    withdrawn, stands = found.said.withdrawn, set[str]()
    orders = _orders(found)
    for decision_id, decided in found.said.released.items():
        execution = found.executions.get(decision_id)
        if execution is None or not execution["carried_out"] or fell(found, decision_id) is not None:
            continue
        if any(str(row["id"]) not in withdrawn for row in orders.get(execution["id"], ())):
            stands.add(decided.site_id)
    off = {site for provider in found.providers for site in dark(provider.kept.calls)}
    names = {decided.site_id: decided.domain for decided in found.said.released.values()}
    for site, domain in names.items():
        if (site in stands) != (site in off):
            yield f"{domain} {_is(site in off)} at its provider, and by what was decided it {_is(site in stands)}"
        shown = found.shown.get(domain)
        if shown is not None and (shown == "suspended") != (site in stands):
            yield f"{domain} is shown to the public as {shown}, and by what was decided it {_is(site in stands)}"


def _is(off: bool) -> str:
    return "is off" if off else "is served"
