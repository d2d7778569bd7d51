"""Who may do what in approval: one table."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from shared.contracts.http.approval import ApprovalAction as Action
from shared.contracts.http.paper import PaperAction
from shared.rules import Level, Role
from shared.runtime.acts.policy import (
    EVERYTHING,
    Policy,
    Reach,
    Rule,
    all_of,
    any_of,
    holding,
    only,
    own_category,
    own_identities,
    own_organisation,
)
from shared.runtime.base.context import Caller


class Act(StrEnum):
    """What a person can ask this service to do."""

    APPLY = "apply"
    ANSWER = "answer_for_an_application"
    READ = "read"
    DECIDE = "decide"
    REFUSE = "refuse"
    ENTER_PAPER = "enter_paper"
    CONFIRM_PAPER = "confirm_paper"
    READ_PAPER = "read_paper"


def put_to_it(who: Caller) -> Reach:
    """What was put to this very authority: of its level (同级), and of its province."""
    level = only("level", who.level)
    return level if who.level == Level.NATIONAL else level & only("region", who.region)


def overseen(who: Caller) -> Reach:
    """What an authority may read: a national one also reads what was put to the provinces."""
    return EVERYTHING if who.level == Level.NATIONAL else put_to_it(who)


DESK: Final = all_of(own_category, put_to_it)
"""P3.1.1: the authority for the service item to which the operator applied, and no other."""

POLICY: Final = Policy({
    Act.APPLY:  Rule(frozenset({Role.OPERATOR}), own_organisation),
    # Also for whom it took over: an application that was returned, or a consent that ends, waits for nobody else.
    Act.ANSWER: Rule(frozenset({Role.OPERATOR}), own_identities),
    Act.READ:   Rule(
        frozenset({Role.OPERATOR, Role.SECTOR_REGULATOR}),
        any_of(
            holding(Role.OPERATOR, own_identities),
            holding(Role.SECTOR_REGULATOR, all_of(own_category, overseen)),
        ),
    ),
    Act.DECIDE: Rule(frozenset({Role.SECTOR_REGULATOR}), DESK),
    Act.REFUSE: Rule(frozenset({Role.SECTOR_REGULATOR}), DESK, first_person=True),  # a named person, no program
    Act.ENTER_PAPER:   Rule(frozenset({Role.SECTOR_REGULATOR}), DESK, first_person=True),
    Act.CONFIRM_PAPER: Rule(frozenset({Role.SECTOR_REGULATOR}), DESK, second_person=True),
    Act.READ_PAPER:    Rule(frozenset({Role.SECTOR_REGULATOR}), DESK),
})  # fmt: skip

PAPER_ACTS: Final[Mapping[PaperAction, Act]] = {
    PaperAction.CONFIRM: Act.CONFIRM_PAPER,
    PaperAction.WITHDRAW: Act.ENTER_PAPER,
}
ACTS: Final[Mapping[Action, Act]] = {
    Action.HAND_IN: Act.ANSWER,
    Action.RESUBMIT: Act.ANSWER,
    Action.ASK_RENEWAL: Act.ANSWER,
    Action.RETURN: Act.DECIDE,
    Action.TRANSFER: Act.DECIDE,
    Action.GRANT: Act.DECIDE,
    Action.REFUSE: Act.REFUSE,
    Action.FIND_NOT_REQUIRED: Act.DECIDE,
    Action.RENEW: Act.DECIDE,
    Action.REFUSE_RENEWAL: Act.REFUSE,
}
"""Whose action each is. The rest are nobody's: the end of a last day and decisions in cases bring them about."""
