"""What a decision can order (P3.2), and what follows from it."""

from enum import StrEnum
from typing import Final


class Measure(StrEnum):
    """What a decision orders (P3.2)."""

    ORDER_CORRECTION = "order_correction"
    STOP_OUT_OF_SCOPE = "stop_out_of_scope"
    CANCEL_SERVICE = "cancel_service"
    REVOKE_AND_CUT = "revoke_and_cut"
    NO_BREACH = "no_breach"


WAITS_FOR_CURE: Final = frozenset({Measure.STOP_OUT_OF_SCOPE, Measure.CANCEL_SERVICE, Measure.REVOKE_AND_CUT})
"""Measures that take something away: released only when the cure window is over, or on a stated urgent ground. An order
to correct is what opens the window, so it does not wait for its end."""
CUTS_OFF: Final = frozenset({Measure.REVOKE_AND_CUT})
"""Measures that make sites unreachable, and so can hit others."""
