"""A proposal field by field: what holds beside what is proposed, and once it is decided as it was then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from registry.lifecycle import AmendmentStatus
from registry.service import admission
from registry.store import operators, sites
from registry.store import registrations as register
from registry.store.amendments import Amendment
from registry.store.operators import Operator
from registry.store.registrations import Owned, Registration
from registry.store.sites import OwnedSite
from shared.contracts.http.amendments import FieldChange
from shared.contracts.http.registry import NewSite
from shared.rules import Rules
from shared.rules.identifiers import hosting_address
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

NOTHING: Final[dict[str, Any]] = {}
_LISTS: Final = frozenset({"domains", "service_items", "accesses"})


@dataclass(frozen=True, slots=True)
class _Known:
    """What some proposals are about, as it is now."""

    operators: Mapping[UUID, Operator]
    sites: Mapping[UUID, OwnedSite]
    registrations: Mapping[UUID, Owned]
    filings: Mapping[tuple[UUID, str], Registration]
    """Those of operators that want to move, by province."""


async def _known(tx: Tx, found: Sequence[Amendment]) -> _Known:
    """The same for a page of proposals, in as many statements as for one."""
    to = {UUID(each.proposal["to_registration_id"]) for each in found if each.kind == "transfer"}
    return _Known(
        await operators.many(tx, {each.operator_id for each in found if each.kind == "operator"}),
        await sites.owned(tx, {each.site_id for each in found if each.site_id and each.kind == "site"}),
        await register.many(tx, to | {each.registration_id for each in found if each.registration_id}),
        await register.filings_of(tx, {each.operator_id for each in found if each.kind == "move"}),
    )


async def shown(
    tx: Tx, rt: Runtime, found: Sequence[Amendment]
) -> dict[UUID, tuple[dict[str, Any], list[FieldChange]]]:
    """What holds, or held when each was decided, and what each proposal changes of it."""
    known = await _known(tx, [each for each in found if each.decided is None])
    said = {each.id: each.decided or _frozen(rt, each, known) for each in found}
    return {
        each: (kept["holds"], [FieldChange.model_validate(change) for change in kept["changes"]])
        for each, kept in said.items()
    }


async def frozen(tx: Tx, rt: Runtime, amendment: Amendment) -> dict[str, Any]:
    """The same as it is now, to be kept with a decision."""
    return _frozen(rt, amendment, await _known(tx, [amendment]))


def _frozen(rt: Runtime, amendment: Amendment, known: _Known) -> dict[str, Any]:
    before, after = _holds(amendment, known), _proposed(rt, amendment, known)
    return {
        "holds": before,
        "changes": [
            {"field": field, "from": before.get(field), "to": value}
            for field, value in after.items() if before.get(field) != value
        ],
    }  # fmt: skip


def _holds(amendment: Amendment, known: _Known) -> dict[str, Any]:
    """What the proposal would change, as it is now."""
    if amendment.kind == "operator":
        return known.operators[amendment.operator_id].particulars.model_dump()
    if amendment.kind == "site" and amendment.site_id is not None:
        return of_site(known.sites[amendment.site_id])
    if amendment.kind == "add_site":
        return NOTHING
    if amendment.registration_id is None:
        raise TypeError(f"amendment {amendment.id} is about no number")
    owned = known.registrations[amendment.registration_id]
    if amendment.kind == "move":
        return {"region": owned.region, "number": owned.registration.number}
    return _under(owned)


def _proposed(rt: Runtime, amendment: Amendment, known: _Known) -> dict[str, Any]:
    """The same fields as they shall be, in the spelling of the register."""
    if amendment.kind in {"site", "add_site"}:
        return _normal(rt.rules, NewSite.model_validate(amendment.proposal))
    if amendment.kind == "move":
        region = amendment.proposal["region"]
        filing = known.filings.get((amendment.operator_id, region))
        return {"region": region, "number": filing.number if filing is not None else None}
    if amendment.kind == "transfer":
        return _under(known.registrations[UUID(amendment.proposal["to_registration_id"])])
    return amendment.proposal


def _under(owned: Owned) -> dict[str, Any]:
    """Under which number a site is, and whose that is."""
    return {"registration_id": str(owned.registration.id), "number": owned.registration.number,
            "operator_id": str(owned.operator.id)}  # fmt: skip


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


def waits(amendment: Amendment, changes: Sequence[FieldChange]) -> bool:
    """Whether an open proposal waits for its own operator: it takes something from it, and it never asked for that.

    What it takes: names, service items or places where it is hosted; the site itself; the number it is known by.
    """
    asked_for = amendment.by_operator or amendment.operator_consent_by is not None
    if asked_for or amendment.status not in {AmendmentStatus.PROPOSED, AmendmentStatus.WAITING}:
        return False
    if amendment.kind in {"transfer", "move"}:
        return True
    lists = [each for each in changes if each.field in _LISTS and amendment.kind == "site"]
    return any(one not in change.after for change in lists for one in change.before)


async def waits_now(tx: Tx, rt: Runtime, amendment: Amendment) -> bool:
    """The same, by what holds now."""
    return waits(amendment, (await shown(tx, rt, [replace(amendment, decided=None)]))[amendment.id][1])


async def is_as_granted(tx: Tx, amendment: Amendment) -> bool:
    """Whether what a waiting proposal would change is still as it was when it was granted."""
    return amendment.decided is not None and amendment.decided["holds"] == _holds(
        amendment, await _known(tx, [amendment])
    )
