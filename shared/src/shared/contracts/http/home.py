"""Home and host: what an order shows of its execution and an execution of its orders, and what was forwarded."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from shared.contracts import examples
from shared.contracts.base import Body, Region
from shared.contracts.grounds import AuthorityRef, Statement
from shared.contracts.http.base import View, example


class Forwarding(Body):
    """To whose desk an application belongs, by level and province, and why."""

    model_config = example(level="province", region="310000", statement=examples.STATEMENT)

    level: Literal["national", "province"]
    region: Region | None = None
    statement: Statement

    @model_validator(mode="after")
    def _province_has_region(self) -> Self:
        if (self.level == "province") != (self.region is not None):
            raise ValueError("a regulator of province level has a region, the national one has none")
        return self


class ForwardedView(View):
    """That an application was forwarded, by whom, to whom, and why. The clock went on."""

    by: AuthorityRef
    to: AuthorityRef
    statement: Statement
    at: datetime


class HomeView(View):
    """What an order follows from: whose execution, by when it was to be answered, when it was, and what undid it.

    Home is the province where the site is registered; a host province that orders for it reads its clock here.
    """

    regulator: AuthorityRef = Field(description="Who carried the decision out.")
    received_at: datetime | None = Field(description="Since when the decision lay on its desk.")
    due_at: datetime | None = Field(description="Until when it had to answer.")
    carried_out_at: datetime | None
    undone_at: datetime | None
    undone_because: str | None
    undone_by: AuthorityRef | None = Field(description="Who decided so.")


class OrderOutcomeView(View):
    """What became of an order of this execution, and the clock of whoever carries it out."""

    order_id: UUID
    provider_id: UUID
    action: str
    outcome: str
    detail: str | None
    at: datetime
    issuer: AuthorityRef | None = Field(None, description="Whose order it is: this regulator, or the host province's")
    execute_by: datetime | None = Field(None, description="Until when it is to be carried out there")
    overdue: bool = Field(False, description="Whether that passed without a receipt that says executed")
    escalated: bool = Field(False, description="Whether somebody said so again")
    withdrawn_by: AuthorityRef | None = Field(None, description="Whose people took it back in its window")
