"""Providers: their particulars, licences, keys and conduct record."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response

from access_control import views
from access_control.service import conduct, keys, licences, providers, queue, trials
from access_control.store.conduct import ConductEntry, NotedFinding
from access_control.store.licences import Licence
from shared.contracts.http import providers as wire
from shared.contracts.http.access import OrderView, QueueView, WithReasons
from shared.contracts.http.trials import NewTrial
from shared.runtime.web.door import PUBLIC, IfMatch, Rt, Who, etag, router
from shared.runtime.web.paging import Page, PageQuery, Paging, page_of

ROUTER: Final[APIRouter] = router(tags=["providers"])


@ROUTER.post("/providers", status_code=201)
async def register_provider(body: wire.NewProvider, who: Who, rt: Rt, response: Response) -> wire.ProviderView:
    """Enter a provider (access desk, own province). Its feed and its two topics exist within seconds."""
    async with rt.db.transaction() as tx:
        return _provider(rt, response, await providers.register(tx, rt, who, body))


@ROUTER.get("/providers")
async def list_providers(who: Who, rt: Rt, paging: Paging) -> Page[wire.ProviderView]:
    """Providers, newest first (officials; a provider sees itself)."""
    async with rt.db.connection() as tx:
        found = await providers.page(tx, who, paging)
    day = rt.rules.day_of(rt.clock.now())
    return page_of(found, paging, lambda known: views.of_provider(known, day), lambda known: known.provider.id)


@ROUTER.get("/providers/{provider_id}")
async def get_provider(provider_id: UUID, who: Who, rt: Rt, response: Response) -> wire.ProviderView:
    """A provider with its keys (officials; the provider itself). Its ETag is needed to change it."""
    async with rt.db.connection() as tx:
        return _provider(rt, response, await providers.get(tx, who, provider_id))


@ROUTER.get("/providers/{provider_id}/queue", openapi_extra=PUBLIC)
async def read_queue(
    provider_id: UUID, rt: Rt,
    after: Annotated[int, Query(ge=0, description="Place from behind which to list")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> QueueView:  # fmt: skip
    """What waits for its capacity, in the order in which it will go out. No token needed.

    No site and no person is named: its issuer, its provider and whom it burdens find an order by its id.
    """
    async with rt.db.transaction() as tx:
        return views.of_queue(await queue.read(tx, rt, provider_id, after=after, limit=limit))


@ROUTER.put("/providers/{provider_id}")
async def change_provider(
    provider_id: UUID, body: wire.ChangedProvider, version: IfMatch, who: Who, rt: Rt, response: Response
) -> wire.ProviderView:
    """Change its name, whom to ask there, who supervises it, what it can do in a day (access desk, own province)."""
    async with rt.db.transaction() as tx:
        return _provider(rt, response, await providers.change(tx, rt, who, provider_id, version, body))


@ROUTER.put("/providers/{provider_id}/contact")
async def change_contact(
    provider_id: UUID, body: wire.NewContact, version: IfMatch, who: Who, rt: Rt, response: Response
) -> wire.ProviderView:
    """Say whom to ask at the provider, and in other provinces (the provider itself)."""
    async with rt.db.transaction() as tx:
        changed = await providers.change_contact(tx, rt, who, provider_id, version, body)
        return _provider(rt, response, changed)


@ROUTER.post("/providers/{provider_id}/close")
async def close_provider(
    provider_id: UUID, body: WithReasons, who: Who, rt: Rt, response: Response
) -> wire.ProviderView:
    """Host nobody new any more (the provider itself): its sites have time to find another host; orders go on."""
    async with rt.db.transaction() as tx:
        return _provider(rt, response, await providers.close(tx, rt, who, provider_id, reasons=body.reasons))


@ROUTER.post("/providers/{provider_id}/reopen")
async def reopen_provider(
    provider_id: UUID, body: WithReasons, who: Who, rt: Rt, response: Response
) -> wire.ProviderView:
    """Be there again (the provider itself)."""
    async with rt.db.transaction() as tx:
        return _provider(rt, response, await providers.reopen(tx, rt, who, provider_id, reasons=body.reasons))


@ROUTER.post("/providers/{provider_id}/licences", status_code=201)
async def add_licence(provider_id: UUID, body: wire.NewLicence, who: Who, rt: Rt) -> wire.LicenceView:
    """Enter one more licence of a provider (access desk, own province)."""
    async with rt.db.transaction() as tx:
        return _licence(rt, await licences.add(tx, rt, who, provider_id, body))


@ROUTER.post("/providers/{provider_id}/licences/{licence_id}/renewal")
async def renew_licence(
    provider_id: UUID, licence_id: UUID, body: wire.RenewedLicence, who: Who, rt: Rt
) -> wire.LicenceView:
    """Let a licence end later (access desk, own province). Nobody lets one end earlier: that takes a decision."""
    async with rt.db.transaction() as tx:
        renewed = await licences.renew(tx, rt, who, provider_id, licence_id, body.valid_until)
        return _licence(rt, renewed)


@ROUTER.post("/providers/{provider_id}/licences/{licence_id}/give-up")
async def give_up_licence(provider_id: UUID, licence_id: UUID, body: WithReasons, who: Who, rt: Rt) -> wire.LicenceView:
    """Give a licence up (the provider itself). It stays on record; the desk can enter its number again."""
    async with rt.db.transaction() as tx:
        return _licence(rt, await licences.give_up(tx, rt, who, provider_id, licence_id, reasons=body.reasons))


@ROUTER.post("/providers/{provider_id}/trial-orders", status_code=201)
async def try_order(provider_id: UUID, body: NewTrial, who: Who, rt: Rt) -> OrderView:
    """Order a sandbox, which asks for it, to stop hosting names that are nobody's (the sandbox itself).

    It goes out at once, by every door, and is signed with the key of the organisation `sandbox`. Nobody else sees it.
    """
    async with rt.db.transaction() as tx:
        return views.of_order(who, await trials.order(tx, rt, who, provider_id, body))


@ROUTER.post("/providers/{provider_id}/trial-orders/{order_id}/end")
async def end_trial(provider_id: UUID, order_id: UUID, who: Who, rt: Rt) -> OrderView:
    """Take a trial order back: a restore goes out (the sandbox itself)."""
    async with rt.db.transaction() as tx:
        return views.of_order(who, await trials.end(tx, rt, who, provider_id, order_id))


@ROUTER.get("/providers/{provider_id}/conduct")
async def read_conduct(provider_id: UUID, who: Who, rt: Rt, paging: Paging) -> Page[wire.ConductEntryView]:
    """The conduct record of a provider, undone entries too (officials; the provider itself)."""
    async with rt.db.transaction() as tx:
        found = await conduct.page(tx, rt, who, provider_id, paging)
    return _entries(rt, found, paging)


@ROUTER.get("/conduct-disputes")
async def read_disputes(who: Who, rt: Rt, paging: Paging) -> Page[wire.ConductEntryView]:
    """What providers dispute of what your organisation decided, and you did not answer (industry regulators)."""
    async with rt.db.connection() as tx:
        found = await conduct.disputes(tx, who, paging)
    return _entries(rt, found, paging)


@ROUTER.get("/conduct-disputes/findings")
async def read_disputed_findings(who: Who, rt: Rt, paging: Paging) -> Page[wire.NotedFindingView]:
    """What providers dispute of findings in their records, unanswered (the industry regulator of their province).

    They are answered, or dismissed, at the register (`/hosted-findings`).
    """
    async with rt.db.connection() as tx:
        found = await conduct.disputed_findings(tx, who, paging)
    return _findings(rt, found, paging)


@ROUTER.post("/providers/{provider_id}/conduct/{entry_id}/dispute")
async def dispute_conduct(
    provider_id: UUID, entry_id: UUID, body: WithReasons, who: Who, rt: Rt
) -> wire.ConductEntryView:
    """Say why an entry is wrong (the provider itself), once: until whoever decided answers, it does not count.

    Appealing against the decision is another matter, and its time goes on.
    """
    async with rt.db.transaction() as tx:
        entry = await conduct.dispute(tx, rt, who, provider_id, entry_id, reasons=body.reasons)
    return views.of_conduct(entry, rt.clock.now())


@ROUTER.post("/providers/{provider_id}/conduct/{entry_id}/dispute-answer")
async def keep_conduct(provider_id: UUID, entry_id: UUID, body: WithReasons, who: Who, rt: Rt) -> wire.ConductEntryView:
    """Stand by an entry that its provider disputes, with reasons (whoever decided it). Otherwise lift the decision."""
    async with rt.db.transaction() as tx:
        entry = await conduct.keep(tx, rt, who, provider_id, entry_id, reasons=body.reasons)
    return views.of_conduct(entry, rt.clock.now())


@ROUTER.get("/providers/{provider_id}/conduct/findings")
async def read_conduct_findings(provider_id: UUID, who: Who, rt: Rt, paging: Paging) -> Page[wire.NotedFindingView]:
    """What a provider left unanswered of its lists, put right or dismissed too (officials; the provider itself).

    A finding is no measure. It is answered, dismissed and disputed at the register (`/hosted-findings`).
    """
    async with rt.db.transaction() as tx:
        found = await conduct.findings(tx, rt, who, provider_id, paging)
    return _findings(rt, found, paging)


@ROUTER.get("/providers/{provider_id}/jwks.json", openapi_extra=PUBLIC)
async def provider_keys(provider_id: UUID, rt: Rt, response: Response) -> dict[str, Any]:
    """The public keys a provider signs with, revoked ones with `revoked_at` (RFC 7517). No token needed.

    With these and `/.well-known/jwks.json` anybody verifies an order, what its provider said, and the counter-receipt.
    """
    response.headers["Cache-Control"] = "public, max-age=10"
    async with rt.db.connection() as tx:
        return {"keys": await keys.published(tx, provider_id)}


@ROUTER.post("/providers/{provider_id}/keys", status_code=201)
async def add_key(provider_id: UUID, body: wire.NewKey, who: Who, rt: Rt) -> wire.KeyView:
    """Enter a public Ed25519 key the provider will sign receipts with (access desk, own province; the provider).

    The provider itself needs `vouched_by`: a key in use that vouches for the new one. The desk, a person there, needs
    `reasons`, but for a first key, and the provider is told.
    """
    async with rt.db.transaction() as tx:
        return views.of_key(await keys.add(tx, rt, who, provider_id, body))


@ROUTER.post("/providers/{provider_id}/keys/{kid}/revocation")
async def revoke_key(provider_id: UUID, kid: str, body: WithReasons, who: Who, rt: Rt) -> wire.KeyView:
    """Trust nothing this key signs from now on; it stays on record (access desk, own province; the provider).

    At the desk only a person may, and the provider is told why; of its own keys its programs revoke any. While it has
    no other key, no cut-off or suspension of its becomes overdue, and the time is added.
    """
    async with rt.db.transaction() as tx:
        return views.of_key(await keys.revoke(tx, rt, who, provider_id, kid, reasons=body.reasons))


def _entries(rt: Rt, found: list[ConductEntry], paging: PageQuery) -> Page[wire.ConductEntryView]:
    at = rt.clock.now()
    return page_of(found, paging, lambda entry: views.of_conduct(entry, at), lambda entry: entry.id)


def _provider(rt: Rt, response: Response, known: providers.Known) -> wire.ProviderView:
    etag(response, known.provider.version)
    return views.of_provider(known, rt.rules.day_of(rt.clock.now()))


def _licence(rt: Rt, licence: Licence) -> wire.LicenceView:
    return views.of_licence(licence, rt.rules.day_of(rt.clock.now()))


def _findings(rt: Rt, found: list[NotedFinding], paging: PageQuery) -> Page[wire.NotedFindingView]:
    at = rt.clock.now()
    return page_of(found, paging, lambda noted: views.of_finding(noted, at), lambda noted: noted.finding_id)
