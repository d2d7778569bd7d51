"""The story of the demonstration, step by step: two online pharmacies, one that is guilty and one that is not.

The honest one has the authority's consent and is accused all the same. It is told, has time to answer, is cut off, wins
its appeal, and is back exactly as it was. The other sells without consent, and stays off. Each step raises StepFailed
(or ConcordError, or TimeoutError) unless what it says is true, and returns what is worth telling.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from concord import sample
from concord.cli.cast import (
    ACCUSED,
    CLEARED,
    CONSENT,
    ENTERED,
    HOLDS,
    HONEST,
    ITEM,
    OPERATORS,
    REGION,
    UNLICENSED,
    Context,
    Pharmacy,
    StepFailed,
    expect,
    hosting,
    once_admitted,
    refused,
    visit,
)
from concord.sdk import ConcordError, until
from shared.contracts.grounds import ActRef, Service, Statement
from shared.contracts.http import access, approval, enforcement, registry
from shared.contracts.http.notices import NoticeItem, NoticeView
from shared.contracts.orders import Action
from shared.contracts.subjects import Preview, Signature

# --- the register ----------------------------------------------------------------------------------------------------


async def import_sites(c: Context) -> str:
    """Import the register."""
    total = c.count if c.names is None else len(c.names)
    rows = sample.records(c.count, provider_id=c.provider["id"], domains=c.names)

    async def chunks() -> AsyncIterator[bytes]:
        sent = 0
        for chunk in sample.ndjson(rows):
            yield chunk
            sent += chunk.count(b"\n")
            c.progress(sent, total)

    done = await c.people["regulator-a"].registry.import_sites(chunks(), filename="demo")
    expect(done.status == "done" and done.records == total, f"the import says {done}")
    results = await c.people["regulator-a"].registry.import_results(done.id)
    expect(len(results) >= done.rejected, "the results do not list every rejected record")
    rate = round(total / max((done.changed_at - done.started_at).total_seconds(), 0.001))
    return f"{done.accepted:,} new, {done.unchanged:,} unchanged, {done.rejected} rejected; {rate:,}/s"


async def lookup_import(c: Context) -> str:
    """The last imported site can be looked up."""
    names = c.names or list(sample.names(c.count, sample.SEED))
    good = next((name for name in reversed(names) if "." in name), "")
    expect(bool(good), "the list holds no domain name")
    officer = c.people["officer"].query
    seen = await until(
        lambda: officer.lookup(domain=good, purpose="demonstration"),
        lambda answer: answer.found,
        timeout_s=c.patience_s,
    )
    expect(seen.registration is not None, f"{good} has no registration")
    return f"{good} → {seen.registration and seen.registration.number}, {seen.lag_ms or 0} ms behind"


async def approve(c: Context) -> str:
    """The honest pharmacy applies for prior approval, and the authority grants it."""
    scope = "Sale of over-the-counter medicines"
    application = await c.people[HONEST].approval.apply(
        approval.Application(
            operator=OPERATORS[HONEST], service_item=ITEM, domain=c.honest.domain, scope_of_service=scope,
            level="province", region=REGION,
        )
    )  # fmt: skip
    last_day: date = (c.now + timedelta(days=365)).date()
    granted = await c.people["drugs-a"].approval.grant(
        application.id, approval.Grant(scope=scope, valid_until=last_day, **CONSENT.model_dump())
    )
    return f"approval {granted.number} for {c.honest.domain}"


async def register(c: Context) -> str:
    """Both are registered; the honest one needs its approval, the other says nothing of medicines."""
    await _register(c, c.honest, (ITEM,))
    await _register(c, c.guilty, ("general",))
    return f"{c.honest.domain} is {c.honest.number}, {c.guilty.domain} is {c.guilty.number}"


async def _register(c: Context, pharmacy: Pharmacy, items: tuple[str, ...]) -> None:
    mine, regulator = c.people[pharmacy.person].registry, c.people["regulator-a"].registry
    pharmacy.operator = await _operator(c, pharmacy)
    hosted = registry.NewAccess(provider_id=UUID(c.provider["id"]), ips=(pharmacy.address,))
    site = registry.FurtherSite(
        name=pharmacy.operator.particulars.name, domains=(pharmacy.domain,), service_items=items, accesses=(hosted,)
    )
    filings = [each async for each in mine.registrations(operator_id=pharmacy.operator.id, status="active")]
    stated = registry.Stated(statement=ENTERED)
    if filings:  # of an earlier run: an operator has one filing in a province, and its sites are added to it
        asked = await once_admitted(lambda: mine.add_site(filings[0].id, site), c.patience_s)
        granted = await regulator.grant_amendment(asked.id, stated)
        expect(granted.site_id is not None, f"{granted.id} is about no site")
        pharmacy.site = await mine.get_site(str(granted.site_id))
    else:
        new = registry.NewRegistration(operator_id=pharmacy.operator.id, site=site)
        submitted = await once_admitted(lambda: mine.submit(new), c.patience_s)
        entered = await regulator.grant(submitted.id, registry.Granting(statement=ENTERED))
        (pharmacy.site,) = entered.sites


async def _operator(c: Context, pharmacy: Pharmacy) -> registry.OperatorView:
    """The operator that the local person acts for; entered at the first run."""
    ref, mine = OPERATORS[pharmacy.person], c.people[pharmacy.person].registry
    new = registry.NewOperator(
        kind=registry.OperatorKind.COMPANY,
        region=REGION,
        document=registry.IdentityDocument(number=ref.identity),
        particulars=registry.Particulars(name=ref.name),
        address_for_service=registry.NewAddress(
            email=f"legal@{ref.name.removesuffix(' Ltd').replace(' ', '-').lower()}.example"
        ),
    )
    try:
        return await mine.enter_operator(new)
    except ConcordError as error:
        expect(error.code == "operator_exists", str(error))
        return await mine.get_operator(error.problem["operator_id"])


async def serve(c: Context) -> str:
    """The look-up knows them, and their provider serves them."""
    for pharmacy in (c.honest, c.guilty):
        await hosting(c, pharmacy, "serving")
        await visit(c, pharmacy, 200)
    return "HTTP 200 at the provider, both"


# --- cases and decisions ---------------------------------------------------------------------------------------------


async def decide(c: Context) -> str:
    """The authority opens a case against each, files evidence, and one person drafts a decision."""
    honest = await _draft(c, c.honest, "out_of_scope_service", ACCUSED)
    guilty = await _draft(c, c.guilty, "unlicensed_service", UNLICENSED)
    for drafted in (honest, guilty):
        expect(drafted.preview is not None and not drafted.preview.neighbours, f"it touches others: {drafted.preview}")
    return f"drafted with reasons, evidence {honest.evidence_hashes[0][:12]}… and redress; neither touches anybody else"


async def _draft(c: Context, pharmacy: Pharmacy, ground: str, statement: Statement) -> enforcement.DecisionView:
    desk = c.people["drugs-a"].enforcement
    new = enforcement.NewCase(
        about=enforcement.AboutSite(domain=pharmacy.domain), service_item=ITEM, ground=ground,
        alleged_breach=statement.public_reasons, legal_basis=statement.legal_basis,
    )  # fmt: skip
    case = await until(lambda: desk.open_case(new), lambda _: True, timeout_s=c.patience_s)
    evidence = await desk.add_evidence(case.id, f"Invoice of a sale at {pharmacy.domain}".encode(), "text/plain")
    decision = enforcement.NewDecision(effect="revoke", statement=statement, evidence_hashes=(evidence.sha256,))
    pharmacy.decision = await desk.draft(case.id, decision)
    return pharmacy.decision


async def tell(c: Context) -> str:
    """Nothing is released before its operator was told: each opens the notice in its inbox, and may answer."""
    for pharmacy in (c.honest, c.guilty):
        decision = _decision(pharmacy)
        await refused(_release(c, "drugs-b", decision), "notice_not_delivered")
        notice = await _open(c, pharmacy, decision.id)
        expect(notice.delivered_by == "inbox", f"the notice counts as delivered by {notice.delivered_by}")
    early = await refused(_release(c, "drugs-b", _decision(c.honest)), "cure_not_over")
    return f"opened in the inboxes of both; nothing is released before {early.problem['release_from'][11:19]}"


async def _open(c: Context, pharmacy: Pharmacy, act_id: UUID) -> NoticeView:
    """The notice of an act, opened by whom it is for, and by nobody else."""
    mine = c.people[pharmacy.person]

    async def mine_about() -> list[tuple[str, NoticeItem]]:
        return [(service, seen) async for service, seen in mine.inbox() if seen.about.id == act_id]

    found = await until(mine_about, bool, timeout_s=c.patience_s)
    service, newest = found[0]
    expect(service == "enforcement", f"{service} tells of a decision")
    return await mine.enforcement.open_notice(newest.id)


def _decision(pharmacy: Pharmacy) -> enforcement.DecisionView:
    if pharmacy.decision is None:
        raise StepFailed(f"no decision about {pharmacy.domain}")
    return pharmacy.decision


def _signed(preview: Preview | None, digest: str | None) -> Signature:
    """What a person signs who has looked at a preview."""
    if preview is None or digest is None:
        raise StepFailed("there is no preview to sign")
    return Signature(preview_digest=digest, collateral=tuple(sorted(preview.collateral)))


async def _release(c: Context, person: str, decision: enforcement.DecisionView) -> enforcement.DecisionView:
    signature = _signed(decision.preview, decision.preview_digest)
    since = decision.since_draft and decision.since_draft.digest
    release = enforcement.Release(signature=signature, since_draft=since)
    return await c.people[person].enforcement.release(decision.id, release)


async def release(c: Context) -> str:
    """When the time to put things right has passed, a second person releases; whoever drafted cannot."""
    for pharmacy in (c.honest, c.guilty):
        shown = await c.people["drugs-b"].enforcement.get_decision(_decision(pharmacy).id)
        await refused(_release(c, "drugs-a", shown), "second_person_required")
        if shown.notice is None or shown.notice.release_from is None:
            raise StepFailed(f"the notice was not delivered: {shown.notice}")
        await asyncio.sleep(max(0.0, (shown.notice.release_from - c.now).total_seconds()))
        pharmacy.decision = await _release(c, "drugs-b", shown)
    return "drugs-a was refused, drugs-b released both and signed the previews"


async def execute(c: Context) -> str:
    """The industry regulator sees the same preview, computed anew, and again two people sign: one site each, alone."""
    first, second = c.people["regulator-a"].registry, c.people["regulator-b"].registry
    for pharmacy in (c.honest, c.guilty):
        decision_id = _decision(pharmacy).id

        async def on_desk(decision_id: UUID = decision_id) -> list[registry.ExecutionView]:
            return [each async for each in first.executions(decision_id=decision_id)]

        (found,) = await until(on_desk, bool, timeout_s=c.patience_s)
        seen = await first.get_execution(found.id)
        signing = registry.Signing(reasons=HOLDS, signature=_signed(seen.preview, seen.preview_digest))
        await first.accept(found.id, signing)
        await refused(first.confirm(found.id, signing), "second_person_required")
        await second.confirm(found.id, signing)
    return f"{c.honest.number} and {c.guilty.number}, each by regulator-a and regulator-b"


# --- orders ----------------------------------------------------------------------------------------------------------


async def cut_off(c: Context) -> str:
    """The provider gets signed orders, answers 451 with the public reasons, and signs receipts."""
    for pharmacy, said in ((c.honest, ACCUSED), (c.guilty, UNLICENSED)):
        answer = await visit(c, pharmacy, 451)
        link = answer.headers.get("Link", "")
        expect('rel="blocked-by"' in link, f"no blocked-by link in the 451 answer: {link}")
        expect(said.public_reasons in answer.text, "the 451 page does not give the public reasons")
        expect("Wang Fang" not in answer.text, "the 451 page says what the authority redacted")
    order = await _order(c, c.honest, Action.CUT_OFF)
    return f"HTTP 451, with reasons and {link.split(';')[0]}; order {order.sequence} executed"


async def _orders(c: Context, pharmacy: Pharmacy, action: Action) -> list[access.OrderView]:
    if pharmacy.site is None:
        raise StepFailed(f"{pharmacy.domain} is not registered")
    every = c.people["desk-a"].access.orders(site_id=pharmacy.site.id)
    return [order async for order in every if order.action is action]


async def _order(c: Context, pharmacy: Pharmacy, action: Action) -> access.OrderView:
    """The one order of this kind for the site, once it is executed."""
    done = {access.OrderStatus.EXECUTED, access.OrderStatus.SUPERSEDED}
    found = await until(
        lambda: _orders(c, pharmacy, action),
        lambda orders: bool(orders) and orders[0].status in done,
        timeout_s=c.patience_s,
    )
    expect(len(found) == 1, f"{len(found)} {action} orders instead of one")
    return found[0]


async def show(c: Context) -> str:
    """The look-up shows it, and everybody can read why and how to challenge it."""
    await hosting(c, c.honest, "suspended")
    entry = await c.people["public"].query.register_entry(c.honest.number)
    text = entry.model_dump_json()
    expect(ACCUSED.public_reasons in text, "the public register does not give the reasons")
    expect("Wang Fang" not in text, "the public register says what the authority redacted")
    redress = _decision(c.honest).grounds.redress
    expect(redress.body.names.en in text, "the public register does not name the redress")
    return f"look-up: suspended; public register: reasons, and redress at {redress.body.names.en}"


# --- the appeal ------------------------------------------------------------------------------------------------------


async def appeal(c: Context) -> str:
    """The honest pharmacy appeals; a review body of another organisation upholds the appeal."""
    decision = _decision(c.honest)
    await _open(c, c.honest, decision.id)
    filed = await c.people[HONEST].enforcement.appeal(
        enforcement.NewAppeal(
            act=ActRef(service=Service.ENFORCEMENT, kind="decision", id=decision.id),
            grounds="The invoice is not ours: it names another pharmacy. See the annex.",
        )
    )
    outcome = enforcement.Outcome(outcome="upheld", statement=CLEARED)
    await refused(c.people["drugs-b"].enforcement.decide_appeal(filed.id, outcome), "role_missing")
    decided = await c.people["review-a"].enforcement.decide_appeal(filed.id, outcome)
    expect(decided.status == "upheld", f"the appeal is {decided.status}")
    return f"upheld by {decided.body.names.en}; the authority itself was refused"


async def restore(c: Context) -> str:
    """Nobody has to ask again: the site is back exactly as it was, under the same number; the other stays off."""
    await visit(c, c.honest, 200)
    await hosting(c, c.honest, "serving")
    order = await _order(c, c.honest, Action.RESTORE)
    before = c.honest.site
    if before is None:
        raise StepFailed("the honest pharmacy was never registered")
    now = await c.people[HONEST].registry.get_site(before.id)
    kept = ("number", "name", "domains", "service_items", "status", "accesses")
    changed = [name for name in kept if getattr(before, name) != getattr(now, name)]
    expect(not changed, f"is not as it was: {changed} of {now}")
    await visit(c, c.guilty, 451)
    return f"HTTP 200, {now.number} again, order {order.sequence} executed; {c.guilty.domain} still 451"


async def remember(c: Context) -> str:
    """Reasons, appeal and outcome stay readable in the public register, for both."""
    public = c.people["public"].query
    entry = await until(
        lambda: public.register_entry(c.honest.number),
        lambda found: any(measure.undone is not None for site in found.sites for measure in site.measures),
        timeout_s=c.patience_s,
    )
    (measure,) = [m for site in entry.sites if site.site_number == c.honest.number for m in site.measures]
    expect(measure.public_reasons == ACCUSED.public_reasons, "the reasons are gone")
    expect([each.status for each in measure.appeals] == ["upheld"], f"the appeals are {measure.appeals}")
    expect(measure.appeals[0].statement is not None, "the outcome has no reasons")
    other = (await public.register_entry(c.guilty.number)).model_dump_json()
    expect(UNLICENSED.public_reasons in other, "the reasons against the other pharmacy are gone")
    return f"{c.honest.number}: {measure.status} on appeal; {c.guilty.number}: revoked"


async def once(c: Context) -> str:
    """Everything happened once: one order and one receipt of each kind."""
    told = []
    for pharmacy, action in (
        (c.honest, Action.CUT_OFF), (c.honest, Action.RESTORE), (c.guilty, Action.CUT_OFF),
    ):  # fmt: skip
        order = await c.people["desk-a"].access.get_order((await _order(c, pharmacy, action)).id)
        executed = [receipt for receipt in order.receipts if receipt.outcome == "executed"]
        expect(len(executed) == 1, f"{len(executed)} executed receipts for the {action}")
        told.append(f"{pharmacy.number} {action}")
    expect(not await _orders(c, c.guilty, Action.RESTORE), "the other pharmacy was restored")
    return f"one order and one receipt each: {', '.join(told)}"


Step = Callable[[Context], Awaitable[str]]
STEPS: Final[tuple[tuple[str, Step], ...]] = (
    ("import", import_sites),
    ("look-up of the import", lookup_import),
    ("prior approval", approve),
    ("registration", register),
    ("sites are served", serve),
    ("decisions drafted", decide),
    ("operators told", tell),
    ("decisions released", release),
    ("decisions executed", execute),
    ("sites cut off", cut_off),
    ("look-up and register", show),
    ("appeal upheld", appeal),
    ("site restored", restore),
    ("outcome stays public", remember),
    ("once each", once),
)
