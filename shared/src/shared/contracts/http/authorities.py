"""The public catalogue of the authorities that give prior approval (P2): scope, procedure and contacts."""

from pydantic import Field

from shared.contracts.directory import Office
from shared.contracts.grounds import AuthorityRef, Names
from shared.contracts.http.base import View


class CatalogueRequirement(View):
    """What an application brings."""

    code: str
    names: Names


class CatalogueClock(View):
    """How long the authority has."""

    amount: int
    unit: str = Field(examples=["working_days"])
    source: str


class CatalogueItem(View):
    """A service item that needs prior approval."""

    code: str
    names: Names
    under: Names = Field(description="The national authority in charge.")
    requires: tuple[CatalogueRequirement, ...]
    clock: CatalogueClock
    source: str


class CatalogueAuthority(View):
    """An authority, the items it is competent for today, and its office."""

    authority: AuthorityRef
    items: tuple[str, ...] = Field(description="Codes of `items`.")
    office: Office | None = Field(description="None: the coordination office has not been told yet.")


class CatalogueRedress(View):
    """How its decisions are challenged."""

    how: str
    how_zh: str
    within_days: int


class CatalogueView(View):
    """Who is competent for what, and how an approval is asked for."""

    profile: str
    items: tuple[CatalogueItem, ...]
    authorities: tuple[CatalogueAuthority, ...]
    procedure: tuple[Names, ...] = Field(description="Step by step.")
    redress: CatalogueRedress
