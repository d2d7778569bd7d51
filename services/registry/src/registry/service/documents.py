"""The signed document of a licence: issued with the grant and with each renewal, and how it stands afterwards."""

from typing import Final
from uuid import UUID

from registry.errors import LicenceHasNoDocument
from registry.lifecycle import SiteStatus, Status
from registry.policy import POLICY, Act
from registry.service import looks
from registry.service.desk import regulator_for
from registry.store import licences, registrations, sites
from registry.store.registrations import Owned
from shared.contracts.grounds import Names, Statement
from shared.contracts.http.registry import MOST_SITES, RegistrationKind
from shared.runtime.acts import documents
from shared.runtime.acts.documents import Draft, Issued
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx
from shared.runtime.web.documents import Standing

KIND: Final = "licence"
TITLE: Final = Names(zh="增值电信业务经营许可证", en="Licence")
COVERED: Final = frozenset({SiteStatus.LIVE, SiteStatus.STOPPED})
"""Whose names a document lists: what was only asked for, or has gone, nobody granted, or no more."""
MOST_NAMES: Final = 50
"""Host names that a document lists; of a licence with more it lists none, and the register says which."""


async def issue(tx: Tx, rt: Runtime, owned: Owned, says: Statement) -> None:
    """Sign the document of a licence that was granted or renewed just now; a filing has none.

    Raises IssuerHasNoKey (503).
    """
    licence = owned.registration
    if licence.kind != RegistrationKind.LICENCE or licence.number is None:
        return
    known = await licences.licence(tx, licence.id)
    items = [rt.rules.service_items[item] for item in (known.scope if known is not None else ())]
    under = await sites.of_registration(tx, owned, MOST_SITES)
    names = [name for site in under if site.site.status in COVERED for name in site.site.domains]
    at = rt.clock.now()
    draft = Draft(
        kind=KIND, title=TITLE, subject_id=licence.id, number=licence.number, holder=owned.operator.ref,
        scope="; ".join(f"{item.chinese} {item.english}" for item in items),
        covers=tuple(names) if len(names) <= MOST_NAMES else (),
        issuer=regulator_for(rt, owned.level, owned.region), legal_basis=says.legal_basis,
        valid_from=licence.valid_from or rt.rules.day_of(at), valid_until=licence.valid_until,
    )  # fmt: skip
    await documents.issue(tx, rt, draft, at)


async def latest(tx: Tx, rt: Runtime, who: Caller, registration_id: UUID) -> Issued:
    """The newest signed document of a licence, for whoever reads the licence. An official's look leaves an audit row.

    Raises UnknownRegistration, LicenceHasNoDocument (404), Forbidden (403).
    """
    owned = await registrations.get(tx, registration_id)
    POLICY.require(who, Act.READ, owned)
    await looks.at_one(tx, rt, who, Act.READ, f"/registrations/{registration_id}/document", owned.organisation)
    issued = await documents.latest(tx, KIND, registration_id)
    if issued is None:
        raise LicenceHasNoDocument(registration_id=registration_id)
    return issued


async def standing(tx: Tx, rt: Runtime, issued: Issued) -> Standing:
    """How the licence stands that a document is about, whatever edition it is."""
    licence = (await registrations.get(tx, issued.subject_id)).registration
    ended_at = None
    if licence.status is Status.LAPSED and licence.valid_until is not None:
        ended_at = rt.rules.end_of(licence.valid_until)
    elif licence.status is Status.ENDED:
        ended_at = licence.changed_at
    return Standing(
        in_force=licence.status is Status.ACTIVE,
        word=licence.status,
        valid_from=licence.valid_from or issued.content.valid_from,
        valid_until=licence.valid_until,
        ended_at=ended_at,
    )
