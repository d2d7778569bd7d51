"""Cut off everywhere: a revoked registration becomes one order per site and provider that hosts it (P3.2.3)."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from access_control import document
from access_control.errors import NotHosted
from access_control.service import trail
from access_control.service.release import RELEASE_WINDOW, SYSTEM, release
from access_control.store import orders, providers
from access_control.store.orders import AccessOrder, Draft
from shared.contracts.orders import Action
from shared.contracts.registry import AccessRecord, RegistrationRevokedV1, SiteRecord
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import EventMeta
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx

WHY = "The registration was revoked."


async def cut_off_everywhere(rt: Runtime, tx: Tx, fact: RegistrationRevokedV1, meta: EventMeta) -> None:
    """Draft the orders and start their withdraw window; without a window they go out in this very transaction.

    An order that exists already is left alone, so a fact may be delivered any number of times. Raises NotHosted.
    """
    targets = sorted(_targets(fact), key=lambda target: (target[0], target[1].site_id))
    for provider_id, site, accesses in targets:
        drafted = await _draft(rt, tx, fact, site, accesses, provider_id)
        if drafted is None:
            if await providers.get(tx, provider_id) is None:
                raise NotHosted(f"no such provider: {provider_id}")
            continue
        if rt.settings.withdraw_window_s == 0:
            await release(rt, tx, drafted, why="There is no withdraw window.")
        else:
            await deadlines.start_in(
                tx,
                kind=RELEASE_WINDOW,
                aggregate_id=drafted.id,
                seconds=rt.settings.withdraw_window_s,
                at=drafted.drafted_at,
            )


def _targets(fact: RegistrationRevokedV1) -> Iterator[tuple[UUID, SiteRecord, list[AccessRecord]]]:
    for site in fact.sites:
        by_provider: dict[UUID, list[AccessRecord]] = {}
        for access in site.accesses:
            by_provider.setdefault(access.provider_id, []).append(access)
        for provider_id, accesses in by_provider.items():
            yield provider_id, site, accesses


async def _draft(
    rt: Runtime,
    tx: Tx,
    fact: RegistrationRevokedV1,
    site: SiteRecord,
    accesses: list[AccessRecord],
    provider_id: UUID,
) -> AccessOrder | None:
    now = rt.clock.now()
    drafted = await orders.draft(
        tx,
        Draft(
            id=uuid7(),
            provider_id=provider_id,
            site_id=site.site_id,
            registration_id=fact.registration_id,
            revocation_id=fact.revocation_id,
            decision_id=fact.measure.decision_id,
            action=Action.CUT_OFF,
            content=document.cut_off(fact, site, accesses),
            drafted_at=now,
            release_at=now + timedelta(seconds=rt.settings.withdraw_window_s),
        ),
    )
    if drafted is not None:
        trail.moved(rt, tx, drafted, "draft", before=None, who=SYSTEM, why=WHY)
    return drafted
