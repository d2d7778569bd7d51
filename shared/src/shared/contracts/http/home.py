"""Home and host: what an order shows of the execution it follows from, and where an application was forwarded."""

from datetime import datetime
from typing import Literal, Self

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
