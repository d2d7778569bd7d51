"""The story of the demonstration, step by step: from import to cut-off, receipt, appeal and restoration."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

from concord import sample
from concord.sdk import Concord, ConcordError, until
from concord.sdk.places import Places
from shared.rules.identifiers import uscc_with_check_digit

PEOPLE: Final = (
    "applicant", "culture-a", "culture-b", "regulator-a", "regulator-b", "review-a", "desk-a", "officer",
)  # fmt: skip
BASIS: Final[dict[str, Any]] = {
    "legal_basis": ["Coordination Plan 2006, section 3(1)"],
    "reasons": "The documents are complete and were checked by the provider.",
}
MEASURE: Final[dict[str, Any]] = {
    "legal_basis": ["Coordination Plan 2006, section 3(2) step 3"],
    "reasons": "Paid performances were offered outside the approved scope after an order to correct.",
    "redress": {"authority": "Review body of Beijing", "how": "In writing or online", "within_days": 60},
}


class StepFailed(Exception):
    """Something is not as the story tells it."""


@dataclass(slots=True)
class Context:
    """What the steps know of each other."""

    places: Places
    people: dict[str, Concord]
    web: httpx.AsyncClient
    names: list[str] | None
    """Domains to import; none for the made-up sample."""
    count: int
    progress: Callable[[int, int], None]
    patience_s: float
    """How long anything may take to come true, in seconds."""
    tag: str = field(default_factory=lambda: secrets.token_hex(4))
    found: dict[str, Any] = field(default_factory=dict)

    @property
    def domain(self) -> str:
        """The site of the story; a made-up name, always."""
        return f"stage-{self.tag}.example"

    @property
    def provider(self) -> dict[str, Any]:
        """The demonstration provider of the local stack."""
        if not self.places.stack or not self.places.stack.get("provider"):
            raise StepFailed("this stack runs no demonstration provider")
        return dict(self.places.stack["provider"])


def expect(holds: bool, otherwise: str) -> None:
    """Raise StepFailed unless it holds."""
    if not holds:
        raise StepFailed(otherwise)


async def refused(attempt: Awaitable[Any], code: str) -> None:
    """Raise StepFailed unless the attempt is refused for this reason."""
    try:
        await attempt
    except ConcordError as error:
        expect(error.code == code, f"was refused with {error.code}, not {code}")
    else:
        raise StepFailed(f"was not refused; expected {code}")


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
    expect(done["status"] == "done" and done["records"] == total, f"the import says {done}")
    c.found["import"] = done
    rejected = await c.people["regulator-a"].registry.rejected(done["id"])
    expect(len(rejected) == done["rejected"], "the results do not list every rejected record")
    rate = round(total / max(done["seconds"], 0.001))
    return f"{done['accepted']:,} new, {done['unchanged']:,} unchanged, {done['rejected']} rejected; {rate:,}/s"


async def lookup_import(c: Context) -> str:
    """The last imported site can be looked up."""
    names = c.names or list(sample.names(c.count, sample.SEED))
    good = next((name for name in reversed(names) if "." in name), "")
    expect(bool(good), "the list holds no domain name")
    officer = c.people["officer"].query
    seen = await until(
        lambda: officer.lookup(domain=good, purpose="demonstration"),
        lambda answer: bool(answer["found"]),
        timeout_s=c.patience_s,
    )
    return f"{good} → {seen['registration']['number']}, {seen['lag_ms']:.0f} ms behind"


async def approve(c: Context) -> str:
    """An operator applies for prior approval, and the authority grants it."""
    me = await _operator(c)
    application = await c.people["applicant"].approval.apply(
        operator={"identity": me["uscc"], "name": me["name"]}, service_item="culture", domain=c.domain,
        scope_of_service="Recorded stage performances", region="110000", level="province",
    )  # fmt: skip
    valid_until = (datetime.now(UTC) + timedelta(days=365)).date().isoformat()
    granted = await c.people["culture-a"].approval.act(
        application["id"], "grant", scope="Recorded stage performances", valid_until=valid_until, **BASIS
    )
    c.found["application"] = granted
    return f"approval {granted['number']}"


async def _operator(c: Context) -> dict[str, Any]:
    """The operator that the local person ``applicant`` acts for; entered at the first run."""
    uscc = uscc_with_check_digit("91110000MA01CNCRD")
    me = {"name": "Example Stage Ltd", "uscc": uscc, "kind": "company", "region": "110000"}
    if "operator" not in c.found:
        try:
            c.found["operator"] = await c.people["applicant"].registry.register_operator(**me)
        except ConcordError as error:
            expect(error.code == "operator_exists", str(error))
            c.found["operator"] = me | {"operator_id": error.problem["operator_id"]}
    return dict(c.found["operator"])


async def register(c: Context) -> str:
    """The site is registered: it needs the approval, and gets the next number."""
    access = {"provider_id": c.provider["id"], "ips": [_own_address(c.tag)], "hosting_mode": "virtual_host"}
    site = {
        "name": "Example Stage", "domains": [c.domain, f"www.{c.domain}"], "service_items": ["culture"],
        "accesses": [access],
    }  # fmt: skip
    body = {"operator_id": (await _operator(c))["operator_id"], "kind": "filing", "sites": [site]}

    async def submit() -> dict[str, Any]:
        try:
            return await c.people["applicant"].registry.submit(**body)
        except ConcordError as error:
            if error.code == "approval_missing":  # the fact is still on its way from the approving authority
                return {}
            raise

    submitted = await until(submit, bool, timeout_s=c.patience_s)
    c.found["registration"] = await c.people["regulator-a"].registry.grant(submitted["id"], **BASIS)
    return f"{c.domain} is {c.found['registration']['number']}"


def _own_address(tag: str) -> str:
    number = int(tag, 16)
    return f"198.19.{number >> 8 & 255}.{number & 255}"


async def serve(c: Context) -> str:
    """The look-up knows it, and its provider serves it."""
    await _hosting(c, "serving")
    answer = await _visit(c, 200)
    return f"HTTP {answer.status_code} at the provider"


async def _hosting(c: Context, state: str) -> dict[str, Any]:
    officer = c.people["officer"].query
    return await until(
        lambda: officer.lookup(domain=c.domain, purpose="demonstration"),
        lambda answer: bool(answer["found"]) and answer["hosting"]["state"] == state,
        timeout_s=c.patience_s,
    )


async def _visit(c: Context, status: int) -> httpx.Response:
    """The site's front page as its provider answers it, once it answers with this status."""

    async def visit() -> httpx.Response:
        try:
            return await c.web.get(c.provider["web_url"], headers={"Host": c.domain})
        except httpx.TransportError as error:
            return httpx.Response(httpx.codes.BAD_GATEWAY, text=f"the provider's server does not answer: {error!r}")

    return await until(
        visit,
        lambda answer: answer.status_code == status,
        timeout_s=c.patience_s,
    )


async def decide(c: Context) -> str:
    """The authority opens a case, files evidence, and one person drafts a decision."""
    desk = c.people["culture-a"].enforcement
    case = await until(
        lambda: desk.open_case(
            domain=c.domain, service_item="culture", alleged_breach="Performances outside the approved scope",
            legal_basis=MEASURE["legal_basis"],
        ),
        bool,
        timeout_s=c.patience_s,
    )  # fmt: skip
    evidence = await desk.add_evidence(case["id"], f"Ticket sale on {c.domain}".encode(), "text/plain")
    sent = datetime.now(UTC) - timedelta(days=10)
    notice = {
        "sent_at": sent.isoformat(),
        "how": "Registered letter to the operator's domicile",
        "cure_until": (sent + timedelta(days=7)).isoformat(),
    }
    c.found["decision"] = await desk.draft(
        case["id"], measure="revoke_and_cut", evidence_hashes=[evidence["sha256"]], notice=notice, **MEASURE
    )
    impact = c.found["decision"]["impact"]
    return f"drafted with reasons, evidence {evidence['sha256'][:12]}… and redress; collateral {impact['collateral']}"


def _release(c: Context) -> dict[str, Any]:
    impact = c.found["decision"]["impact"]
    return {"impact_hash": impact["hash"]} | (
        {"collateral_acknowledged": impact["collateral"]} if impact["collateral"] else {}
    )


async def release(c: Context) -> str:
    """Whoever drafted it cannot release it; a second person does."""
    decision = c.found["decision"]["id"]
    await refused(c.people["culture-a"].enforcement.release(decision, **_release(c)), "second_person_required")
    await c.people["culture-b"].enforcement.release(decision, **_release(c))
    return "culture-a was refused, culture-b released it"


async def revoke(c: Context) -> str:
    """The industry regulator accepts the request, and again two people revoke the registration."""
    first, second = c.people["regulator-a"].registry, c.people["regulator-b"].registry
    decision = await until(
        lambda: c.people["culture-a"].enforcement.get_decision(c.found["decision"]["id"]),
        lambda found: found["execution"]["received_at"] is not None,
        timeout_s=c.patience_s,
    )
    revocation = await first.accept(decision["execution"]["request_id"], "The authority's grounds hold.")
    await refused(first.confirm(revocation["id"]), "second_person_required")
    await second.confirm(revocation["id"])
    c.found["revocation"] = revocation
    return f"{c.found['registration']['number']} revoked by regulator-a and regulator-b"


async def cut_off(c: Context) -> str:
    """The provider gets a signed order, answers 451 for the site, and signs a receipt."""
    answer = await _visit(c, 451)
    link = answer.headers.get("Link", "")
    expect('rel="blocked-by"' in link, f"no blocked-by link in the 451 answer: {link}")
    order = await _order(c, "cut_off")
    c.found["cut_off"] = order
    return f"HTTP 451 with {link.split(';')[0]}; order {order['sequence']} executed"


async def _order(c: Context, action: str) -> dict[str, Any]:
    """The one order of this kind for the site, once it is executed."""
    site = c.found["registration"]["sites"][0]["site_id"]

    async def orders() -> list[dict[str, Any]]:
        found = [order async for order in c.people["desk-a"].access.orders(site_id=site)]
        return [order for order in found if order["action"] == action]

    found = await until(
        orders,
        lambda all_of: bool(all_of) and all_of[0]["status"] in {"executed", "superseded"},
        timeout_s=c.patience_s,
    )
    expect(len(found) == 1, f"{len(found)} {action} orders instead of one")
    return found[0]


async def show(c: Context) -> str:
    """The look-up shows it, and everybody can read why and how to challenge it."""
    await _hosting(c, "suspended")
    entry = await c.people["public"].query.register_entry(c.found["registration"]["number"])
    text = str(entry)
    expect(MEASURE["reasons"] in text, "the public register does not give the reasons")
    expect(MEASURE["redress"]["authority"] in text, "the public register does not name the redress")
    return "look-up: suspended; public register: reasons and redress"


async def appeal(c: Context) -> str:
    """The operator appeals; a review body of another organisation upholds the appeal."""
    filed = await c.people["applicant"].enforcement.appeal(
        c.found["decision"]["id"], appellant="Example Stage Ltd",
        grounds="The performances were recorded ones, which the approval covers.",
    )  # fmt: skip
    outcome = {"outcome": "upheld", "legal_basis": ["Administrative Reconsideration Law"],
               "reasons": "The approval covers recorded performances; the breach is not shown."}  # fmt: skip
    await refused(c.people["culture-a"].enforcement.decide_appeal(filed["id"], **outcome), "role_missing")
    decided = await c.people["review-a"].enforcement.decide_appeal(filed["id"], **outcome)
    expect(decided["status"] == "upheld", f"the appeal is {decided['status']}")
    return "upheld by review-a; the authority itself was refused"


async def restore(c: Context) -> str:
    """Nobody has to ask again: the site is back exactly as it was, under the same number."""
    await _visit(c, 200)
    seen = await _hosting(c, "serving")
    order = await _order(c, "restore")
    before, now = c.found["registration"], await c.people["regulator-a"].registry.get(c.found["registration"]["id"])
    same = all(
        before["sites"][0][name] == now["sites"][0][name] for name in ("number", "domains", "service_items", "accesses")
    )
    expect(now["status"] == "active" and same, f"the registration is not as it was: {now}")
    return f"HTTP 200, {seen['registration']['number']} again; order {order['sequence']} executed"


async def once(c: Context) -> str:
    """Everything happened once: one order and one receipt of each kind."""
    told = []
    for action in ("cut_off", "restore"):
        order = await c.people["desk-a"].access.get_order((await _order(c, action))["id"])
        executed = [receipt for receipt in order["receipts"] if receipt["outcome"] == "executed"]
        expect(len(executed) == 1, f"{len(executed)} executed receipts for the {action}")
        told.append(f"{action}: 1 order, 1 receipt")
    return "; ".join(told)


Step = Callable[[Context], Awaitable[str]]
STEPS: Final[tuple[tuple[str, Step], ...]] = (
    ("import", import_sites),
    ("look-up of the import", lookup_import),
    ("prior approval", approve),
    ("registration", register),
    ("site is served", serve),
    ("decision drafted", decide),
    ("decision released", release),
    ("registration revoked", revoke),
    ("site cut off", cut_off),
    ("look-up and register", show),
    ("appeal upheld", appeal),
    ("site restored", restore),
    ("once each", once),
)


async def people(places: Places, stack: AsyncExitStack) -> dict[str, Concord]:
    """A client for everybody in the story, and one for the public."""
    found = {name: await stack.enter_async_context(Concord.connect(person=name, places=places)) for name in PEOPLE}
    return found | {"public": await stack.enter_async_context(Concord.connect(places=places))}
