"""What goes over the registry's door about preflight: questions of providers, and signed answers."""

from typing import Annotated, Any, Literal

from pydantic import Field

from shared.contracts.base import Body, Text
from shared.contracts.http.base import View, example
from shared.contracts.http.batches import FieldFound
from shared.contracts.http.hosted import MOST_ADDRESSES, MOST_RECORDS
from shared.contracts.http.registry import HostingMode
from shared.contracts.preflights import PreflightAnswer, Reason


class Question(Body):
    """May this be connected? One name, where, and under which number or for which operator, if that is known."""

    model_config = example(host="pharmacy.example", ips=["198.18.0.10"], number="京ICP备10046444号-1")

    host: Text
    ips: Annotated[tuple[Text, ...], Field(min_length=1, max_length=MOST_ADDRESSES)]
    hosting_mode: HostingMode = HostingMode.VIRTUAL_HOST
    number: Text | None = None
    """Of the registration or the site."""
    operator: Text | None = None
    """The credit code of an organisation; a person is asked about by the number alone."""


class QuestionBatch(Body):
    """Up to a thousand questions."""

    model_config = example(questions=[{"host": "pharmacy.example", "ips": ["198.18.0.10"]}])

    questions: Annotated[list[Any], Field(min_length=1, max_length=MOST_RECORDS)]
    """Each as ``Question`` says. One that is malformed is refused by itself."""


class PreflightView(View):
    """A signed answer, and what it says."""

    answer: Literal["yes", "no"]
    reasons: list[Reason]
    jws: str = Field(description="The answer as compact JWS; `concord verify` reads it offline")


class PreflightDetail(PreflightView):
    """The same with all that was signed."""

    document: PreflightAnswer


class PreflightResult(View):
    """What became of one question."""

    index: int = Field(description="Place in the batch, from 0")
    status: Literal["answered", "refused"]
    answer: Literal["yes", "no"] | None = None
    reasons: list[Reason] = Field([], description="With a no: every one")
    jws: str | None = Field(None, description="Byte for byte what the question is answered with alone")
    code: str | None = Field(None, description="Why it was refused")
    message: str | None = None
    fields: list[FieldFound] = Field([], description="Which members are wrong")


class PreflightResults(View):
    """One result per question, in the order of the batch."""

    yes: int
    no: int
    refused: int
    results: list[PreflightResult]
