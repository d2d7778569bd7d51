"""Who is told that a site was twice seen otherwise than its provider signed: no measure, no record (docs/adr/0022).

The register tells it, as it tells what was executed: it knows whose site it is and where notices reach them.
"""

from typing import Final

from registry.store import copies, sites
from shared.contracts.access import OrderObservedOtherwiseV1
from shared.contracts.grounds import ActRef, AddressForService, Department, Names, Party, Service, Statement
from shared.contracts.http.observed import Kind
from shared.contracts.quoting import listed
from shared.runtime.acts import notices
from shared.runtime.acts.notices import New
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

KIND: Final = "observed_otherwise"
_TITLE: Final = Names(zh="网站接入状态与执行回执不符告知书", en="A site was seen otherwise than its provider signed")
_SEEN: Final = {
    Kind.RESTORED_BUT_CUT: "signed that it hosts the site again, and it was seen cut",
    Kind.CUT_BUT_SERVED: "signed that it stopped hosting the site, and its start page answers 2xx",
    Kind.CUT_WITHOUT_REASON: "signed that it stopped hosting the site, and it does not say who blocks it (RFC 7725)",
    Kind.CUT_WITHOUT_ORDER: "was to host the site again by now, signed nothing, and it was seen cut",
}
_OPERATORS: Final = frozenset({Kind.RESTORED_BUT_CUT, Kind.CUT_WITHOUT_ORDER})
"""What their operator hears as well: the site is gone, and no order says that it should be."""


async def tell(tx: Tx, rt: Runtime, fact: OrderObservedOtherwiseV1) -> None:
    """Tell the provider and the issuer, and the operator of a site that should be there and is not."""
    kind = Kind(fact.difference)
    name = (await copies.hosting(tx, fact.provider_id)).name or str(fact.provider_id)
    said = f"{name} {_SEEN[kind]}: {listed(fact.names)}, since {fact.since:%Y-%m-%d %H:%M} UTC, twice or more. "
    said += f"What was seen is at access-control, order {fact.order_id}. Nothing follows by itself."
    source = rt.rules.observations.source if rt.rules.observations is not None else "docs/adr/0022"
    issuer, nowhere = fact.issuer, AddressForService()
    to: list[tuple[Party | Department, AddressForService]] = [
        (Party(identity=str(fact.provider_id), name=name), nowhere),
        (Department(identity=issuer.id, name=issuer.names.zh), nowhere),
    ]
    if kind in _OPERATORS and fact.site_id is not None:
        owned = await sites.owned(tx, [fact.site_id])
        to += [(each.operator.ref, each.operator.address) for each in owned.values()]
    await notices.issue_all(tx, rt, [
        New(about=ActRef(service=Service.ACCESS_CONTROL, kind="order", id=fact.order_id), kind=KIND, to=party,
            address=address, authority=issuer, title=_TITLE,
            says=Statement(legal_basis=(source,), reasons=said, public_reasons=said))
        for party, address in to
    ])  # fmt: skip
