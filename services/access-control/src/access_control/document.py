"""The order as a document: written when drafted, completed with number and times when released, then only bytes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

from shared.contracts.base import Document, LegalBasis, Reasons, Redress, Sha256, Text
from shared.contracts.orders import ORDER_TYPE, Order, OrderedSite
from shared.contracts.registry import (
    AccessRecord,
    RegistrationReinstatedV1,
    RegistrationRevokedV1,
    SiteRecord,
)
from shared.signing import Signer

ISSUER: Final = "access-control"
SCOPE: Final = "Hosting of this site by this provider; nothing else."


class Content(Document):
    """What an order says before it has a number and times; kept with the order so that a restore can copy the site."""

    site: OrderedSite
    authority: Text
    registration_number: Text
    legal_basis: LegalBasis
    reasons: Reasons
    evidence_hash: Sha256 | None = None
    redress: Redress | None = None
    scope: Text = SCOPE
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """An order that can go out: its place and times, and the bytes every door hands out."""

    sequence: int
    issued_at: datetime
    execute_by: datetime
    jws: bytes
    digest: str
    """SHA-256 of ``jws``; a receipt must name it."""
    kid: str


def ordered_site(site: SiteRecord, accesses: Sequence[AccessRecord]) -> OrderedSite:
    """The site as one provider knows it; a site with several accesses there is still one site."""
    return OrderedSite(
        site_id=site.site_id,
        number=site.number,
        name=site.name,
        domains=site.domains,
        ips=tuple(dict.fromkeys(ip for access in accesses for ip in access.ips)),
        hosting_mode=", ".join(dict.fromkeys(access.hosting_mode for access in accesses)),
    )


def cut_off(fact: RegistrationRevokedV1, site: SiteRecord, accesses: Sequence[AccessRecord]) -> Content:
    """Stop hosting a site because its registration was revoked (P3.2.3)."""
    measure = fact.measure
    return Content(
        site=ordered_site(site, accesses),
        authority=measure.authority,
        registration_number=fact.number,
        legal_basis=measure.legal_basis,
        reasons=measure.reasons,
        evidence_hash=measure.evidence_hash,
        redress=measure.redress,
    )


def restore(earlier: Content, fact: RegistrationReinstatedV1) -> Content:
    """Host the site again exactly as it was when it was cut off, whatever the register says of its accesses today."""
    # Without a decision behind it, the reinstatement is the industry regulator's own act.
    authority = earlier.authority if fact.decision_id else f"industry_regulator {fact.region}"
    return Content(
        site=earlier.site,
        authority=authority,
        registration_number=fact.number,
        legal_basis=fact.legal_basis,
        reasons=fact.reasons,
    )


def register_entry(public_url: str, registration_number: str) -> str:
    """The public page with the reasons, for the link of an HTTP 451 answer (RFC 7725)."""
    return f"{public_url}/public/register/{quote(registration_number, safe='')}"


def signed(order: Order, signer: Signer) -> Signed:
    """Sign a complete order: the one time that it is serialised."""
    jws = signer.sign(order.model_dump_json().encode(), ORDER_TYPE).encode()
    return Signed(
        sequence=order.sequence,
        issued_at=order.issued_at,
        execute_by=order.execute_by,
        jws=jws,
        digest=hashlib.sha256(jws).hexdigest(),
        kid=signer.kid,
    )
