"""What an agent's journal says about how it is doing: for ``status``, and for Prometheus."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import h11

from concord.agent.journal import CONTACT, HEAD, Journal
from concord.agent.listener import Answer

_KINDS: Final = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}


def report(journal: Journal) -> dict[str, Any]:
    """Place, head, state, last contact, what is pending, and alarms."""
    in_force, digest = journal.in_force()
    pending = journal.pending()
    return {
        "last_sequence": journal.last_sequence,
        "head": journal.fact(HEAD),
        "in_force": in_force,
        "hash": digest,
        "last_contact": journal.fact(CONTACT),
        "pending": [
            {
                "sequence": order.sequence,
                "action": order.action,
                "state": order.state,
                "attempts": order.attempts,
                "execute_by": _due(order),
            }
            for order in pending
        ],
        **journal.counts(),
        "alarms": journal.alarms.all(),
    }


def _due(order: Any) -> str | None:
    try:
        return str(json.loads(order.payload)["execute_by"])
    except (ValueError, LookupError, TypeError):
        return None


class Metrics:
    """Answers ``/metrics`` in the Prometheus text format."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def respond(self, request: h11.Request) -> Answer:
        """What is answered to a request, by its path."""
        if request.target.partition(b"?")[0] != b"/metrics":
            return Answer(404, "Only /metrics is here.\n", {"Content-Type": "text/plain"})
        return Answer(200, "".join(f"{line}\n" for line in _lines(report(self._journal))), _KINDS)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    pending = [order for order in found["pending"] if order["state"] == "pending"]  # of others the clock stands still
    gauges = {
        "sequence": ("Last place in the sequence that is held here.", found["last_sequence"]),
        "head": ("Last place that access-control has given out, when it last answered.", found["head"]),
        "in_force": ("Orders in force.", found["in_force"]),
        "contact_timestamp_seconds": ("When access-control last answered.", _seconds(found["last_contact"])),
        "due_timestamp_seconds": (
            "By when the most urgent pending order must be carried out; absent if none is pending.",
            min(filter(None, (_seconds(order["execute_by"]) for order in pending)), default=None),
        ),
    }
    for name, (meaning, value) in gauges.items():
        if value is not None:
            yield from (f"# HELP concord_agent_{name} {meaning}", f"# TYPE concord_agent_{name} gauge")
            yield f"concord_agent_{name} {value:.3f}".removesuffix(".000")
    for name in ("orders", "receipts"):
        yield from (f"# HELP concord_agent_{name} By state.", f"# TYPE concord_agent_{name} gauge")
        for state in ("pending", "executed", "impossible", "passed") if name == "orders" else _RECEIPTS:
            yield f'concord_agent_{name}{{state="{state}"}} {found.get(f"{name} {state}", 0)}'
    yield from ("# HELP concord_agent_alarms What a person should look at.", "# TYPE concord_agent_alarms gauge")
    kinds = Counter(alarm["kind"].split(" ")[0] for alarm in found["alarms"])
    for kind in ALARMS:
        yield f'concord_agent_alarms{{kind="{kind}"}} {kinds[kind]}'


ALARMS: Final = (
    "feed", "topic", "sequence", "drift", "clock", "key", "receipt", "unanswered", "hook", "impossible", "restore",
    "ending",
)  # fmt: skip
"""Every kind of alarm there is."""
_RECEIPTS: Final = ("queued", "sent", "accepted", "refused")


def _seconds(at: str | None) -> float | None:
    try:
        return datetime.fromisoformat(at).timestamp() if at else None
    except ValueError:
        return None
