"""What stood around a draft when it was written, and what changed since: shown to whoever releases, and signed."""

from typing import Final

from enforcement.errors import ChangedSinceDraft, CopyTooOld
from enforcement.lifecycle import UNRELEASED
from enforcement.store import cases, drafts, sites
from enforcement.store.cases import Case
from enforcement.store.decisions import Decision
from shared.contracts.base import LONGEST_TEXT
from shared.contracts.grounds import Party
from shared.contracts.http.decisions import Change, Release, SinceDraft, SinceDraftView, Surroundings, changed
from shared.contracts.quoting import quoting, shortened
from shared.contracts.subjects import AccessRecord, FrozenSite, Preview
from shared.rules import Effect
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

COPY: Final = "register_copy"
"""Clock: how old the copy of the register may be on which a decision is released."""


async def of(
    tx: Tx, rt: Runtime, case: Case, decision: Decision, site: FrozenSite | None, preview: Preview
) -> Surroundings:
    """What stands around a decision now, with the site and the preview as they are now."""
    known = await sites.get(tx, case.site_id) if case.site_id is not None else None
    return Surroundings(
        seen_at=rt.clock.now(),
        site=site,
        status=known.status if known is not None else None,
        operator=Party(identity=known.operator.identity, name=known.operator.name) if known else case.operator,
        preview=preview,
        evidence=tuple(sorted(each.sha256 for each in await cases.evidence_of(tx, case.id))),
        earlier=await drafts.earlier(tx, case, decision.id),
        profile=rt.rules.ref,
    )


def since(before: Surroundings, now: Surroundings) -> SinceDraft:
    """What is not as it was at the draft."""
    was, here = _said(before), _said(now)
    found = (changed(what, was[what], here[what]) for what in was)
    changes: tuple[Change, ...] = tuple(change for change in found if change is not None)
    return SinceDraft(drafted_at=before.seen_at, changes=changes)


def _said(given: Surroundings) -> dict[str, tuple[str, ...]]:
    """The same as lines, by what they are about."""
    site, preview = given.site, given.preview
    return {
        "site.name": (site.name,) if site else (),
        "site.number": (site.number,) if site else (),
        "site.status": (given.status,) if given.status else (),
        "site.operator": (quoting("", given.operator.name, f" ({given.operator.identity})", most=LONGEST_TEXT),),
        "site.hosts": site.hosts if site else (),
        "site.spared": site.spared if site else (),
        "site.accesses": tuple(_access(each) for each in site.accesses) if site else (),
        "neighbours": tuple(f"{each.number} ({each.site_id})" for each in preview.neighbours),
        "neighbours_total": (str(preview.neighbours_total),),
        "protected": preview.protected,
        "evidence": given.evidence,
        "decisions": tuple(f"{each.decision_id} {each.effect} {each.status}" for each in given.earlier),
        "profile": (given.profile,),
    }


def _access(access: AccessRecord) -> str:
    where = " ".join(access.ips)
    return shortened(
        f"{access.provider_id} {access.region} {access.hosting_mode} {access.status} {where}", LONGEST_TEXT
    )


async def shown(
    tx: Tx, rt: Runtime, case: Case, decision: Decision, site: FrozenSite | None, preview: Preview | None
) -> SinceDraftView | None:
    """What changed since a draft, or had when it was released; none for what was drafted before that was kept."""
    found, fresh = decision.since_draft, True
    if decision.status in UNRELEASED and decision.drafted_on is not None and preview is not None:
        found = since(decision.drafted_on, await of(tx, rt, case, decision, site, preview))
        fresh = not await is_old(tx, rt)
    if found is None or preview is None:
        return None
    return SinceDraftView(
        drafted_at=found.drafted_at, changes=list(found.changes), digest=found.digest, copy_as_of=preview.as_of,
        copy_fresh=fresh,
    )  # fmt: skip


async def require_signed(
    tx: Tx, rt: Runtime, case: Case, decision: Decision, body: Release, site: FrozenSite | None, preview: Preview
) -> SinceDraft | None:
    """What changed since the draft, if that is what whoever releases signs. Raises ChangedSinceDraft (409)."""
    if decision.drafted_on is None:
        return None
    found = since(decision.drafted_on, await of(tx, rt, case, decision, site, preview))
    if found.digest != body.since_draft:
        raise ChangedSinceDraft(
            since_draft=found.digest, what=", ".join(change.what for change in found.changes) or "nothing any more"
        )
    return found


async def require_fresh(tx: Tx, rt: Runtime, decision: Decision) -> None:
    """Whom a measure touches is known as of now. Raises CopyTooOld (409)."""
    if decision.effect is not Effect.NO_BREACH and await is_old(tx, rt):
        raise CopyTooOld(since=str(await sites.whole_until(tx) or "it was made"), clock=_most(rt))


async def is_old(tx: Tx, rt: Runtime) -> bool:
    """Whether the copy of the register is older than the profile lets a decision rest on, or was never whole."""
    as_of = await sites.whole_until(tx)
    return as_of is None or rt.rules.due(COPY, as_of).due_at < rt.clock.now()


def _most(rt: Runtime) -> str:
    clock = rt.rules.clocks[COPY]
    return f"{clock.amount} {clock.unit}"
