"""That a site which should be back is not: its operator is told, whatever its provider says (docs/adr/0016).

What an order takes away is told by the decision it follows; what a restore fails to give back nobody else would tell.
"""

from typing import Final
from uuid import UUID

from registry.service.desk import teller
from registry.store import claims, copies, executions, overlaps, sites
from registry.store.sites import OwnedSite
from shared.contracts import access
from shared.contracts.grounds import ActRef, Names, Service, Statement
from shared.contracts.orders import Action
from shared.contracts.quoting import listed, quoting
from shared.runtime.acts import notices
from shared.runtime.acts.notices import New
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

KIND: Final = "restore_hindered"
_TITLE: Final = Names(zh="网站恢复接入受阻告知书", en="A provider does not host your site again yet")
_WAY_OUT: Final = (
    "No order of ours keeps it away, unless another decision that you were told of does. You may ask the regulator of "
    "your registration to see to it, and you may have the site hosted elsewhere: propose that change to the register."
)

_SHORT: Final = 1_000
"""Characters of the names of one site of several."""
_SAYS: Final = "\nWhat it says:\n"
_HIT: Final = "That order could hit {}: what is dark there by it is to be back."


async def tell(tx: Tx, rt: Runtime, fact: access.OrderFact) -> None:
    """Tell whose site should be back, if this fact is about a restore that is hindered."""
    if fact.action != Action.RESTORE or (hindered := _hindered(fact)) is None:
        return
    does, words = hindered
    name = (await copies.hosting(tx, fact.provider_id)).name or str(fact.provider_id)
    hosts, about = listed(fact.hosts), set[UUID]()
    undoes, replaced = await executions.taken_back(tx, fact.order_id)
    if not replaced:  # else whom the measure is about is to stay dark, by the order in its place
        # Of a found site, or what a provider had suspended by itself, the order may name no site: whose name it is by
        # now, or the one above it.
        about.update([fact.site_id] if fact.site_id else await claims.holders(tx, fact.hosts))
    others = await overlaps.hit_by(tx, fact.execution_id, fact.provider_id, undoes, replaced=replaced)
    owned = await sites.owned(tx, sorted({*about, *others}))
    by_operator: dict[UUID, list[OwnedSite]] = {}
    for each in sorted(owned.values(), key=lambda one: (one.site.id not in about, one.site.id)):
        by_operator.setdefault(each.operator.id, []).append(each)
    new = []
    for theirs in by_operator.values():
        if theirs[0].site.id in about:
            says = f"{name} was ordered to host {hosts} again, and {does}."
        else:
            hit = [f"{listed(others[one.site.id], most=_SHORT)} of your site {one.number}" for one in theirs]
            says = f"{name} was told that an order about {hosts} is taken back, and {does}."
            says = f"{says} {_HIT.format(listed(hit, separator='; '))}"
        new.append(_notice(rt, fact, theirs[0], quoting(f"{says} {_WAY_OUT}{_SAYS if words else ''}", words)))
    await notices.issue_all(tx, rt, new)


def _notice(rt: Runtime, fact: access.OrderFact, to: OwnedSite, reasons: str) -> New:
    return New(
        about=ActRef(service=Service.ACCESS_CONTROL, kind="order", id=fact.order_id), kind=KIND,
        to=to.operator.ref, address=to.operator.address, title=_TITLE,
        authority=teller(rt, to.level, to.region),
        says=Statement(legal_basis=("docs/adr/0016",), reasons=reasons, public_reasons=reasons),
    )  # fmt: skip


def _hindered(fact: access.OrderFact) -> tuple[str, str] | None:
    """What hinders it, and what its provider says to that; none if nothing does."""
    match fact:
        case access.OrderImpossibleV1():
            return "signed that it cannot", fact.reasons
        case access.OrderContestedV1():
            return "objects", fact.reasons
        case access.OrderOverdueV1(escalated=False):
            return f"has not signed that it does, by {fact.execute_by:%Y-%m-%d %H:%M} UTC as it had to", ""
    return None
