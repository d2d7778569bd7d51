"""Who appears in the story of the demonstration, what they say, and what the steps know of each other."""

import secrets
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import httpx

from concord.sdk import Concord, ConcordError, until
from concord.sdk.places import Places
from shared.contracts.grounds import OperatorRef, Statement
from shared.contracts.http import enforcement, registry
from shared.contracts.http.query import LookupAnswer
from shared.rules.identifiers import uscc_with_check_digit

M = TypeVar("M")
HONEST: Final = "applicant"
GUILTY: Final = "seller"
PEOPLE: Final = (
    HONEST, GUILTY, "drugs-a", "drugs-b", "regulator-a", "regulator-b", "review-a", "desk-a", "officer",
)  # fmt: skip
OPERATORS: Final = {
    HONEST: OperatorRef(identity=uscc_with_check_digit("91110000MA01CNCRD"), name="Example Pharmacy Ltd"),
    GUILTY: OperatorRef(identity=uscc_with_check_digit("91110000MA02CNCRD"), name="Quick Pills Ltd"),
}
REGION: Final = "110000"
ITEM: Final = "drugs_and_devices"
CONSENT: Final = Statement(
    legal_basis=("Coordination Plan 2006, section 3(1) step 3",),
    reasons="The pharmacy is licensed and named a pharmacist in charge.",
    public_reasons="The pharmacy is licensed and named a pharmacist in charge.",
)
ENTERED: Final = Statement(
    legal_basis=("Coordination Plan 2006, section 3(1)",),
    reasons="The documents are complete and were checked by the provider.",
    public_reasons="The documents are complete and were checked by the provider.",
)
ACCUSED: Final = Statement(
    legal_basis=("Coordination Plan 2006, section 3(2) step 3",),
    reasons="Prescription medicines were sold to patient Wang Fang, which the consent does not cover.",
    public_reasons="Prescription medicines were sold to a patient, which the consent does not cover.",
    redacted=("name of a patient",),
)
UNLICENSED: Final = Statement(
    legal_basis=("Coordination Plan 2006, section 3(2) step 3",),
    reasons="The site sells medicines and has no consent of the drug administration.",
    public_reasons="The site sells medicines and has no consent of the drug administration.",
)
CLEARED: Final = Statement(
    legal_basis=("Administrative Reconsideration Law 1999, article 28",),
    reasons="The invoice is of another pharmacy; the breach is not shown.",
    public_reasons="The invoice is of another pharmacy; the breach is not shown.",
)
HOLDS: Final = "The grounds of the authority hold."


class StepFailed(Exception):
    """Something is not as the story tells it."""


@dataclass(slots=True)
class Pharmacy:
    """One of the two, as the story goes on."""

    person: str
    domain: str
    address: str
    operator: registry.OperatorView | None = None
    site: registry.SiteView | None = None
    decision: enforcement.DecisionView | None = None
    appeal: enforcement.AppealView | None = None

    @property
    def number(self) -> str:
        """The site's number."""
        if self.site is None or self.site.number is None:
            raise StepFailed(f"{self.domain} has no number")
        return self.site.number


@dataclass(slots=True)
class Context:
    """What the steps know of each other."""

    places: Places
    people: dict[str, Concord]
    web: httpx.AsyncClient
    names: list[str] | None
    """Domains to import; none for the made-up sample."""
    count: int
    progress: Callable[[int, int], None]
    patience_s: float
    """How long anything may take to come true, in seconds."""
    tag: str = field(default_factory=lambda: secrets.token_hex(4))
    pharmacies: dict[str, Pharmacy] = field(default_factory=dict)

    @property
    def honest(self) -> Pharmacy:
        """The one that is wrongly accused; made-up names, always."""
        return self.pharmacies.setdefault(HONEST, Pharmacy(HONEST, f"pharmacy-{self.tag}.example", self._address(0)))

    @property
    def guilty(self) -> Pharmacy:
        """The one that sells without consent."""
        return self.pharmacies.setdefault(GUILTY, Pharmacy(GUILTY, f"quick-pills-{self.tag}.example", self._address(1)))

    @property
    def now(self) -> datetime:
        """The time of the stack, which may have been put forward (``local_stack travel``)."""
        return datetime.now(UTC) + timedelta(seconds=(self.places.stack or {}).get("ahead_s", 0))

    def _address(self, which: int) -> str:
        """An address of its own, so that a measure touches nobody else."""
        number = (int(self.tag, 16) & ~1) | which
        return f"198.19.{number >> 8 & 255}.{number & 255}"

    @property
    def provider(self) -> dict[str, Any]:
        """The demonstration provider of the local stack."""
        if not self.places.stack or not self.places.stack.get("provider"):
            raise StepFailed("this stack runs no demonstration provider")
        return dict(self.places.stack["provider"])


def expect(holds: bool, otherwise: str) -> None:
    """Raise StepFailed unless it holds."""
    if not holds:
        raise StepFailed(otherwise)


async def refused(attempt: Awaitable[Any], code: str) -> ConcordError:
    """The refusal. Raises StepFailed unless the attempt is refused for this reason."""
    try:
        await attempt
    except ConcordError as error:
        expect(error.code == code, f"was refused with {error.code}, not {code}")
        return error
    raise StepFailed(f"was not refused; expected {code}")


async def once_admitted(ask: Callable[[], Awaitable[M]], patience_s: float) -> M:
    """Ask until the register has heard of the approval, which is on its way from the authority."""

    async def attempt() -> M | None:
        try:
            return await ask()
        except ConcordError as error:
            codes = {ground.get("code") for ground in error.problem.get("grounds", ())}
            if error.code == "not_admitted" and codes <= {"approval_missing", "provider_unlicensed"}:
                return None
            raise

    admitted = await until(attempt, lambda found: found is not None, timeout_s=patience_s)
    if admitted is None:
        raise StepFailed("was not admitted")
    return admitted


async def hosting(c: Context, pharmacy: Pharmacy, state: str) -> LookupAnswer:
    """What an officer looks up, once the site is in this state of hosting."""
    officer = c.people["officer"].query
    return await until(
        lambda: officer.lookup(domain=pharmacy.domain, purpose="demonstration"),
        lambda answer: answer.found and answer.hosting is not None and answer.hosting.state == state,
        timeout_s=c.patience_s,
    )


async def visit(c: Context, pharmacy: Pharmacy, status: int) -> httpx.Response:
    """The site's front page as its provider answers it, once it answers with this status."""

    async def visit() -> httpx.Response:
        try:
            return await c.web.get(c.provider["web_url"], headers={"Host": pharmacy.domain})
        except httpx.TransportError as error:
            return httpx.Response(httpx.codes.BAD_GATEWAY, text=f"the provider's server does not answer: {error!r}")

    return await until(visit, lambda answer: answer.status_code == status, timeout_s=c.patience_s)


async def people(places: Places, stack: AsyncExitStack) -> dict[str, Concord]:
    """A client for everybody in the story, and one for the public."""
    found = {name: await stack.enter_async_context(Concord.connect(person=name, places=places)) for name in PEOPLE}
    return found | {"public": await stack.enter_async_context(Concord.connect(places=places))}
