"""That a site which should be back is not: its operator is told, whatever its provider says (docs/adr/0016).

What an order takes away is told by the decision it follows; what a restore fails to give back nobody else would tell.
"""

from typing import Final

from registry.service.desk import regulator_for
from registry.store import copies, overlaps, sites
from shared.contracts import access
from shared.contracts.grounds import ActRef, Names, Service, Statement
from shared.contracts.orders import Action
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


async def tell(tx: Tx, rt: Runtime, fact: access.OrderFact) -> None:
    """Tell the operator, if this fact is about a restore that is hindered."""
    if fact.action != Action.RESTORE or (said := _said(fact)) is None:
        return
    name = (await copies.hosting(tx, fact.provider_id)).name or str(fact.provider_id)
    reasons = f"{name} was ordered to host {', '.join(fact.hosts)} again, and {said} {_WAY_OUT}"
    # Of a found site, or an emergency that nobody decided about, the order names no site: whose name it is by now.
    told = [fact.site_id] if fact.site_id is not None else await overlaps.holders(tx, fact.hosts, None)
    owned = (await sites.owned(tx, told)).values()
    await notices.issue_all(tx, rt, [
        New(about=ActRef(service=Service.ACCESS_CONTROL, kind="order", id=fact.order_id), kind=KIND,
            to=each.operator.ref, address=each.operator.address, title=_TITLE,
            authority=regulator_for(rt, each.level, each.region),
            says=Statement(legal_basis=("docs/adr/0016",), reasons=reasons, public_reasons=reasons))
        for each in owned
    ])  # fmt: skip


def _said(fact: access.OrderFact) -> str | None:
    """What hinders it; none if nothing does."""
    match fact:
        case access.OrderImpossibleV1():
            return f"signed that it cannot: {fact.reasons}"
        case access.OrderContestedV1():
            return f"objects: {fact.reasons}"
        case access.OrderOverdueV1(escalated=False):
            return f"has not signed that it does, by {fact.execute_by:%Y-%m-%d %H:%M} UTC as it had to."
    return None
