"""A proposal field by field: what holds beside what is proposed, and once it is decided as it was then."""

from typing import Any, Final
from uuid import UUID

from registry.service import admission
from registry.store import operators, sites
from registry.store import registrations as register
from registry.store.amendments import Amendment
from registry.store.sites import OwnedSite
from shared.contracts.http.amendments import FieldChange
from shared.contracts.http.registry import NewSite
from shared.rules import Rules
from shared.rules.identifiers import hosting_address
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

NOTHING: Final[dict[str, Any]] = {}


async def shown(tx: Tx, rt: Runtime, amendment: Amendment) -> tuple[dict[str, Any], list[FieldChange]]:
    """What holds, or held when it was decided, and what the proposal changes of it."""
    found = amendment.decided or await frozen(tx, rt, amendment)
    return found["holds"], [FieldChange.model_validate(each) for each in found["changes"]]


async def frozen(tx: Tx, rt: Runtime, amendment: Amendment) -> dict[str, Any]:
    """The same as it is now, to be kept with a decision."""
    before, after = await holds(tx, amendment), await _proposed(tx, rt, amendment)
    return {
        "holds": before,
        "changes": [
            {"field": field, "from": before.get(field), "to": value}
            for field, value in after.items() if before.get(field) != value
        ],
    }  # fmt: skip


async def holds(tx: Tx, amendment: Amendment) -> dict[str, Any]:
    """What the proposal would change, as it is now."""
    if amendment.kind == "operator":
        return (await operators.get(tx, amendment.operator_id)).particulars.model_dump()
    if amendment.kind == "site" and amendment.site_id is not None:
        return of_site(await sites.get(tx, amendment.site_id))
    if amendment.kind == "add_site":
        return NOTHING
    if amendment.registration_id is None:
        raise TypeError(f"amendment {amendment.id} is about no number")
    owned = await register.get(tx, amendment.registration_id)
    if amendment.kind == "move":
        return {"region": owned.region, "number": owned.registration.number}
    return {"registration_id": str(owned.registration.id), "number": owned.registration.number,
            "operator_id": str(owned.operator.id)}  # fmt: skip


async def _proposed(tx: Tx, rt: Runtime, amendment: Amendment) -> dict[str, Any]:
    """The same fields as they shall be, in the spelling of the register."""
    if amendment.kind in {"site", "add_site"}:
        return _normal(rt.rules, NewSite.model_validate(amendment.proposal))
    if amendment.kind == "move":
        region = amendment.proposal["region"]
        filing = await register.filing_in(tx, amendment.operator_id, region)
        return {"region": region, "number": filing.number if filing is not None else None}
    if amendment.kind == "transfer":
        owned = await register.get(tx, UUID(amendment.proposal["to_registration_id"]))
        return {"registration_id": str(owned.registration.id), "number": owned.registration.number,
                "operator_id": str(owned.operator.id)}  # fmt: skip
    return amendment.proposal


def of_site(site: OwnedSite) -> dict[str, Any]:
    """A site as somebody would ask for it."""
    found = site.site
    return {
        "name": found.name, "domains": list(found.domains), "service_items": list(found.service_items),
        "accesses": [
            {"provider_id": str(each.provider_id), "ips": list(each.ips), "hosting_mode": each.hosting_mode}
            for each in found.accesses
        ],
    }  # fmt: skip


def _normal(rules: Rules, body: NewSite) -> dict[str, Any]:
    given = body.model_dump(mode="json")
    return {
        **given, "domains": [name.ascii for name in admission.names_of(body.domains)],
        "service_items": list(admission.in_order(rules, body.service_items)),
        "accesses": [
            {**each, "ips": list(dict.fromkeys(hosting_address(ip, rules).normal for ip in each["ips"]))}
            for each in given["accesses"]
        ],
    }  # fmt: skip


async def is_as_granted(tx: Tx, amendment: Amendment) -> bool:
    """Whether what a waiting proposal would change is still as it was when it was granted."""
    return amendment.decided is not None and amendment.decided["holds"] == await holds(tx, amendment)
