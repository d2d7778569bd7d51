"""What a sandbox provider asks for, to try its client (docs/adr/0024)."""

from typing import Annotated

from pydantic import Field

from shared.contracts.base import Body, Moment, Text
from shared.contracts.http.base import example


class NewTrial(Body):
    """An order to try a client with: to stop hosting names that are nobody's."""

    model_config = example(hosts=["pharmacy.example"], until=None)

    hosts: Annotated[tuple[Text, ...], Field(min_length=1, max_length=20)] = Field(
        description="Under .example, .test or .invalid (RFC 2606, RFC 6761)."
    )
    until: Moment | None = Field(None, description="Set: a suspension that ends then; null: a cut-off.")
