"""What the state machines of Hypothesis have in common: one rule that chooses among what is possible, and stories.

A story is acts that lead somewhere if nothing comes between; each step of an example takes the next of them, or
strays. The first example of each strays nowhere, so that every end is really reached. HYPOTHESIS_SEED chooses others,
HYPOTHESIS_EXAMPLES and HYPOTHESIS_STEPS how many.
"""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

SEED: Final = os.environ.get("HYPOTHESIS_SEED")
Story = Sequence[tuple[str, Mapping[str, Any]]]
"""Acts by name, with what would else be drawn for them."""


@dataclass(frozen=True, slots=True, repr=False)
class Possible:
    """Something that can be done while ``when`` says so, with what is drawn for it."""

    does: Callable[..., None]
    when: Callable[[Any], object]
    drawn: Mapping[str, st.SearchStrategy[Any]]
    often: int

    def __repr__(self) -> str:
        return self.does.__name__


class Acts:
    """All that can happen to a machine."""

    def __init__(self) -> None:
        self._every: dict[str, Possible] = {}

    def __call__(
        self, when: Callable[[Any], object] = lambda _: True, *, often: int = 1, **drawn: st.SearchStrategy[Any]
    ) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Put something among it. One rule chooses, so that no act is left out of an example."""

        def put(does: Callable[..., None]) -> Callable[..., None]:
            self._every[does.__name__] = Possible(does, when, drawn, often)
            return does

        return put

    def choose(self, machine: RuleBasedStateMachine, data: st.DataObject, story: Story, *, strays: int = 3) -> Story:
        """Do the next of a story, or anything else that is possible now; gives what is left of the story.

        ``strays``: how often out of eight. What the story comes to and is not possible is left out.
        """
        while story and not self._every[story[0][0]].when(machine):
            story = story[1:]
        if story and not data.draw(st.sampled_from([False] * (8 - strays) + [True] * strays)):
            (name, given), story = story[0], story[1:]
            chosen = self._every[name]
        else:
            possible = [each for each in self._every.values() for _ in range(each.often) if each.when(machine)]
            chosen, given = data.draw(st.sampled_from(possible)), {}
        chosen.does(machine, **{
            name: given[name] if name in given else data.draw(each) for name, each in chosen.drawn.items()
        })  # fmt: skip
        return story


def run(machine: type[RuleBasedStateMachine], *, examples: int, steps: int, shrinks: bool = False) -> None:
    """So many examples of so many steps, always the same unless a seed is given.

    ``shrinks``: whether what fails is made smaller, which takes long; a story that fails reads well as it is.
    """
    print(f"seed: {SEED or 'the one that is always the same'}")
    run_state_machine_as_test(seed(int(SEED))(machine) if SEED else machine, settings=settings(
        max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", examples)),
        stateful_step_count=int(os.environ.get("HYPOTHESIS_STEPS", steps)), deadline=None,
        derandomize=SEED is None, phases=[Phase.generate, Phase.shrink][: 1 + shrinks], database=None,
        suppress_health_check=list(HealthCheck), print_blob=True,
    ))  # fmt: skip


def require_reached(reached: Counter[str], wanted: Sequence[str]) -> None:
    """A machine that never gets somewhere proves nothing about it: prints what was reached how often."""
    print("\n".join(f"{count:5} {what}" for what, count in sorted(reached.items())))
    assert not [what for what in wanted if not reached[what]], "never reached"
