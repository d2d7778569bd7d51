"""The tables of states: whatever people try in whatever order, nothing leaves a table and nobody gets stuck."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.lifecycle import (
    AMENDMENT,
    CHECK,
    EXECUTION,
    MERGER,
    REGISTRATION,
    RENEWAL,
    SITE,
    TASK,
    AmendmentStatus,
    ExecutionAction,
    ExecutionStatus,
    MergerStatus,
    RenewalStatus,
    SiteAction,
    SiteStatus,
    Status,
)
from registry.main import SERVICE
from shared.contracts.http.checks import CheckStatus
from shared.contracts.http.registrar import TaskStatus
from shared.runtime.acts.lifecycle import Lifecycle
from shared.runtime.base.problems import ActionRefused

TABLES: Mapping[str, tuple[Lifecycle[Any, Any], type[StrEnum]]] = {
    "registration": (REGISTRATION, Status),
    "site": (SITE, SiteStatus),
    "amendment": (AMENDMENT, AmendmentStatus),
    "execution": (EXECUTION, ExecutionStatus),
    "registrar_task": (TASK, TaskStatus),
    "provider_check": (CHECK, CheckStatus),
    "renewal": (RENEWAL, RenewalStatus),
    "merger": (MERGER, MergerStatus),
}


def _walk(actions: list[ExecutionAction]) -> list[ExecutionAction]:
    status, done = ExecutionStatus.RECEIVED, []
    for action in actions:
        if EXECUTION.can(status, action):
            status = EXECUTION.after(status, action)
            done.append(action)
        else:
            with pytest.raises(ActionRefused):
                EXECUTION.after(status, action)
    return done


@given(st.lists(st.sampled_from(ExecutionAction)))
def test_nothing_is_carried_out_that_nobody_accepted_and_nothing_undone_that_was_not_carried_out(
    actions: list[ExecutionAction],
) -> None:
    done = _walk(actions)
    assert done.count(ExecutionAction.CONFIRM) <= 1
    if ExecutionAction.CONFIRM in done:
        before = done[: done.index(ExecutionAction.CONFIRM)]
        assert before[-1] is ExecutionAction.ACCEPT
    if ExecutionAction.UNDO in done:
        assert done[-2:] == [ExecutionAction.CONFIRM, ExecutionAction.UNDO]


@given(st.lists(st.sampled_from(SiteAction)))
def test_only_its_operator_or_a_refusal_ends_a_site_and_no_measure_does(actions: list[SiteAction]) -> None:
    status = SiteStatus.PROPOSED
    for action in actions:
        if not SITE.can(status, action):
            continue
        before, status = status, SITE.after(status, action)
        if status is SiteStatus.ENDED:
            assert action in {SiteAction.DROP, SiteAction.DEREGISTER}
        if before in {SiteStatus.STOPPED, SiteStatus.REVOKED}:
            assert status is not SiteStatus.ENDED, "what a measure hit stays, so that it can come back"


def test_every_state_of_a_site_under_a_measure_has_a_way_back_to_live() -> None:
    for status in (SiteStatus.STOPPED, SiteStatus.REVOKED):
        assert SiteStatus.LIVE in {SITE.after(status, action) for action in SITE.allowed(status)}


@pytest.mark.parametrize("table", TABLES)
def test_the_states_of_the_code_are_those_of_the_schema(table: str) -> None:
    assert SERVICE.migrations is not None
    schema = (SERVICE.migrations.parent / "schema.sql").read_text()
    body = schema.split(f"\nTABLE {table} (")[1].split("\n);")[0]
    said = body.split(f"CONSTRAINT {table}_status_check CHECK ((status = ANY (ARRAY[")[1].split("])")[0]
    words = {word.strip().removesuffix("::text").strip("'") for word in said.split(",")}
    assert words == {str(status) for status in TABLES[table][1]}
