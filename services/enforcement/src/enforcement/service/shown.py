"""A decision as it is shown: with whom it touches, what changed since its draft, and what became of it."""

from dataclasses import dataclass
from datetime import datetime

from enforcement.lifecycle import UNRELEASED
from enforcement.service import preview as previews
from enforcement.service import surroundings
from enforcement.service.safeguards import INTENDED, RELEASED, correction_over, cure_over
from enforcement.store import appeals, cases, decisions, drafts, ties
from enforcement.store.appeals import Appeal
from enforcement.store.cases import Case
from enforcement.store.decisions import Decision, OrderOutcome
from enforcement.store.drafts import Remark
from shared.contracts.http.decisions import SinceDraftView
from shared.contracts.http.enforcement import NoticeState
from shared.contracts.subjects import FrozenSite, Preview
from shared.runtime.acts import notices, postal
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx


@dataclass(frozen=True, slots=True)
class Shown:
    """A decision as a person sees it, with whom it touches and what became of it."""

    case: Case
    decision: Decision
    site: FrozenSite | None
    preview: Preview | None
    since_draft: SinceDraftView | None
    remarks: list[Remark]
    notice: NoticeState | None
    orders: list[OrderOutcome]
    appeals: list[Appeal]
    correct_by: datetime | None
    """Until when an order is to be obeyed: its date, or later where whoever has to was told late."""
    proved_by: frozenset[str]
    """Who proved a letter about it, and signs nothing that follows from that."""
    went_on: Case | None
    """As which the case of an order to correct goes on: whoever has that says as well whether it was obeyed."""


async def shown(tx: Tx, rt: Runtime, case: Case, decision: Decision) -> Shown:
    """A decision with what belongs to it; a draft with whom it would touch now."""
    site, preview = decision.site, decision.preview
    if decision.status in UNRELEASED:
        site, preview = await previews.of(tx, rt, case, decision.effect)
    return Shown(
        case, decision, site, preview, await surroundings.shown(tx, rt, case, decision, site, preview),
        await drafts.remarks(tx, [decision.id]), await _notice(tx, rt, case, decision),
        await decisions.outcomes(tx, [decision.id]), await appeals.of_acts(tx, [decision.id]),
        await correction_over(tx, rt, case, decision) or decision.correct_by, await postal.persons(tx, decision.id),
        await _went_on(tx, case) if decision.waits else None,
    )  # fmt: skip


async def _went_on(tx: Tx, case: Case) -> Case | None:
    went = await ties.went(tx, case.id)
    return await cases.get(tx, went[-1].to_case) if went else None


async def _notice(tx: Tx, rt: Runtime, case: Case, decision: Decision) -> NoticeState | None:
    """What became of the notice to whom it burdens now: not of that to somebody who it turned out not to be."""
    kind = INTENDED if decision.released_at is None else RELEASED
    found = [each for each in await notices.about(tx, decision.id, kind) if each.identity == case.identity]
    if not found:
        return None
    delivered = await notices.delivered_at(tx, decision.id, kind, case.identity)
    over = cure_over(rt, decision, delivered, found) if delivered is not None and kind == INTENDED else None
    return NoticeState(notice_id=found[0].id, issued_at=found[0].issued_at, delivered_at=delivered, release_from=over)
