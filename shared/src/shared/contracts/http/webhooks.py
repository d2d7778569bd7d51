"""Where a provider wants its orders posted (docs/adr/0024)."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from shared.contracts.base import Body
from shared.contracts.http.base import View, example


class NewWebhook(Body):
    """An address for orders, and where to begin."""

    model_config = example(url="https://hosting.example/concord/orders", after=0)

    url: Annotated[str, Field(min_length=1, max_length=2000)] = Field(description="https, and on the internet.")
    after: Annotated[int, Field(ge=0, le=2**63 - 1)] = Field(
        description="Last sequence number you hold; what comes after it is posted."
    )


class WebhookView(View):
    """Where orders are posted, and how that goes."""

    url: str
    after: int = Field(description="The last one that the address took.")
    head: int = Field(description="The last one given out.")
    attempts: int = Field(description="Tries for the next one that failed.")
    retry_at: datetime = Field(description="The next one is not tried before.")
    error: str | None = Field(description="What the last try came to; null: it was taken.")
    delivered_at: datetime | None
    set_by: str = Field(description="Whose token said so: if it was none of yours, it was stolen.")
    set_at: datetime
