"""Who has a part in a case: whom it burdens, who hosts what it is about, who decides, executes, reviews, was asked."""

from collections.abc import Sequence

from enforcement.store import opinions, sites
from enforcement.store.cases import Case
from enforcement.store.decisions import Decision
from shared.contracts.http.enforcement import TookPart
from shared.contracts.subjects import FrozenSite
from shared.rules import Role
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx


async def of(tx: Tx, rt: Runtime, case: Case, decided: Sequence[Decision]) -> tuple[TookPart, ...]:
    """Everybody, each part once; hosts as the register says now, and as it said when something was decided."""
    found = [
        TookPart(part="burdened", identity=case.identity, name=case.operator.name),
        TookPart(part="authority", identity=case.authority.id, name=case.authority.names.zh),
    ]
    known = await sites.get(tx, case.site_id) if case.site_id is not None else None
    accesses = [*(known.accesses if known is not None else ())]
    for site in (each.site for each in decided):
        accesses += site.accesses if isinstance(site, FrozenSite) else ()
    hosts = {each.provider_id for each in accesses} | ({case.provider_id} if case.provider_id is not None else set())
    for provider_id in sorted(hosts):
        provider = await sites.provider(tx, provider_id)
        name = provider.name if provider is not None else str(provider_id)
        found.append(TookPart(part="host", identity=str(provider_id), name=name))
    for organisation in case.took_part:
        of_directory = rt.directory.get(organisation)
        reviews = of_directory is not None and Role.REVIEW_BODY in of_directory.kinds
        name = of_directory.names.zh if of_directory is not None else organisation
        found.append(TookPart(part="reviews" if reviews else "executes", identity=organisation, name=name))
    asked = {each.asked.id: each.asked for each in await opinions.of_case(tx, case.id)}
    found += [TookPart(part="asked", identity=each.id, name=each.names.zh) for each in asked.values()]
    return tuple(found)
