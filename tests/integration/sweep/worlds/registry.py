"""The register: operators, registrations, sites, changes and executions, in every state, here and in Shanghai."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from registry.lifecycle import (
    AMENDMENT,
    CHECK,
    EXECUTION,
    MERGER,
    REGISTRATION,
    RENEWAL,
    SITE,
    SUBJECT,
    TASK,
    Action,
    AmendmentAction,
    AmendmentStatus,
    CheckAction,
    ExecutionAction,
    MergerAction,
    MergerStatus,
    RenewalAction,
    SiteAction,
    SiteStatus,
    Status,
    TaskAction,
)
from registry.main import SERVICE
from registry.policy import (
    AMENDMENT_ACTS,
    CHECK_ACTS,
    EXECUTION_ACTS,
    MERGER_ACTS,
    REGISTRATION_ACTS,
    RENEWAL_ACTS,
    SITE_ACTS,
    TASK_ACTS,
)
from registry.service.licences import latest_day
from shared.rules import Level, Role
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.context import Caller
from tests.integration.registry.conftest import (
    GRANT,
    OTHER_PROVIDER,
    PROVIDER,
    STATEMENT,
    Register,
    a_site,
    domain,
    owner,
    uscc,
)
from tests.integration.sweep.world import Kind, NoRole, Record, Verb, Words, World, a_person, beginning
from tests.integration.sweep.worlds import hosted, reviews, shells
from tests.integration.sweep.worlds.calendars import calendar_of_everybody, calendars
from tests.integration.sweep.worlds.inbox import inbox
from tests.integration.sweep.worlds.register import Books, Code
from tests.support.fixtures import MakeDatabase
from tests.support.people import OPERATOR_USCC, at
from tests.support.service import running_service

OFFICIALS = {
    Role.INDUSTRY_REGULATOR, Role.SECTOR_REGULATOR, Role.QUERY_DESK, Role.AUDITOR, Role.ACCESS_DESK, Role.REVIEW_BODY,
}  # fmt: skip
THIRD = ("regulator-c", {"organisation": "industry-110000", "roles": ["industry_regulator"]})
"""A person of the regulator who signed nothing yet."""
HOST, ANOTHER = (
    (f"provider-{each}", {"organisation": str(each), "roles": ["access_provider"]})
    for each in (PROVIDER, OTHER_PROVIDER)
)
"""The machines of two providers."""
WHY = {"reasons": "The shop moves to another name."}


def may_read(who: Caller, record: Words) -> bool:
    """Operators see their own; officials what is of their province, those of the whole country everything."""
    if not who.roles & {Role.OPERATOR, *OFFICIALS}:
        raise NoRole
    own = Role.OPERATOR in who.roles and who.organisation in {record["organisation"], record.get("receiver")}
    return own or bool(who.roles & OFFICIALS and _here(who, record))


def may_read_check(who: Caller, check: Words) -> bool:
    """The provider that is asked, the operator, and officials as they read the rest."""
    if Role.ACCESS_PROVIDER in who.roles:
        return bool(who.organisation == check["provider"])
    return may_read(who, check)


def may_read_task(who: Caller, task: Words) -> bool:
    """The registrar and the regulator of the province, who audits and reviews, and the company."""
    officials = who.roles & {
        Role.INDUSTRY_REGULATOR, Role.COMPANY_REGISTRAR, Role.AUDITOR, Role.REVIEW_BODY,
    }  # fmt: skip
    if not officials and Role.OPERATOR not in who.roles:
        raise NoRole
    return bool(officials and _here(who, task)) or own(who, task)


def may_read_execution(who: Caller, execution: Words) -> bool:
    """The authority that decided and the regulator that executes; who reviews and who audits."""
    if not who.roles & {Role.INDUSTRY_REGULATOR, Role.SECTOR_REGULATOR, Role.AUDITOR, Role.REVIEW_BODY}:
        raise NoRole
    part = who.organisation in {execution["regulator"], execution["authority"]}
    return part or Role.AUDITOR in who.roles or (Role.REVIEW_BODY in who.roles and _here(who, execution))


def may_read_proposal(who: Caller, record: Words) -> bool:
    """As everything else, and the regulator of the province that a filing leaves."""
    leaves = Role.INDUSTRY_REGULATOR in who.roles and who.region is not None and who.region == record.get("leaves")
    return may_read(who, record) or leaves


def may_read_merger(who: Caller, merger: Words) -> bool:
    """Either operator; the regulator, who reviews and who audits."""
    officials = {Role.INDUSTRY_REGULATOR, Role.AUDITOR, Role.REVIEW_BODY}
    if not who.roles & {Role.OPERATOR, *officials}:
        raise NoRole
    own_ = Role.OPERATOR in who.roles and who.organisation in merger["organisation"]
    return own_ or bool(who.roles & officials and _here(who, merger))


def may_preview(who: Caller, merger: Words) -> bool:
    """The regulator who may propose it."""
    if Role.INDUSTRY_REGULATOR not in who.roles:
        raise NoRole
    return _here(who, merger)


def one_of_both(who: Caller, merger: Words) -> bool:
    """Either operator."""
    return Role.OPERATOR in who.roles and who.organisation in merger["organisation"]


def may_read_import(who: Caller, sent: Words) -> bool:
    """The regulator that sent it."""
    if Role.INDUSTRY_REGULATOR not in who.roles:
        raise NoRole
    return bool(who.organisation == sent["organisation"])


def may_import(who: Caller, _: Words) -> bool:
    """Every industry regulator; records of other provinces are refused one by one."""
    return Role.INDUSTRY_REGULATOR in who.roles


def by_or_for(who: Caller, record: Words) -> bool:
    """The operator, and the industry regulator of its province for it."""
    return own(who, record) or regulator(who, record)


def own(who: Caller, record: Words) -> bool:
    """The operator."""
    return Role.OPERATOR in who.roles and who.organisation == record["organisation"]


def receiver(who: Caller, record: Words) -> bool:
    """The operator to whom a site is to go."""
    return Role.OPERATOR in who.roles and who.organisation == record["receiver"]


def regulator(who: Caller, record: Words) -> bool:
    """The industry regulator of the province, and that of the whole country."""
    return Role.INDUSTRY_REGULATOR in who.roles and _here(who, record)


def _here(who: Caller, record: Words) -> bool:
    return who.level == Level.NATIONAL or who.region == record["region"]


def _owner(record: Record) -> Any:
    return owner(record.words["organisation"])


def _version(shown: Mapping[str, Any]) -> dict[str, str]:
    return {"If-Match": f'"{shown["version"]}"'}


def _signing(_: Record, shown: Mapping[str, Any]) -> dict[str, Any]:
    neighbours = [each["site_id"] for each in shown["preview"]["neighbours"]]
    signature = {"preview_digest": shown["preview_digest"], "collateral": neighbours}
    return {"reasons": "The decision is lawful and complete.", "signature": signature}


def _changed(_: Record, shown: Mapping[str, Any]) -> dict[str, Any]:
    return {**a_site(domain()), "domains": shown["domains"] or [domain()], "name": "Another name", **WHY}


def _operators(books: Books) -> list[Kind]:
    path = "POST /operators/{operator_id}/"
    legacy = Verb(f"{path}legacy-code-confirmation", "regulator-b", None, may=a_person(regulator), where={Code.WAITING},
                  code="no_legacy_code", again="no_legacy_code", waits={"second_person_required"})  # fmt: skip
    return [
        Kind(books.operators, may_read, reads=("/operators/{operator_id}",), author="auditor", verbs=[
            Verb(f"{path}address-for-service", "applicant", {"post": "1 Example Road"}, may=own),
            Verb(f"{path}address-verification", "applicant", lambda record, _: record.more, may=own,
                 again="code_spent"),
            Verb(f"{path}amendments", "applicant", {"particulars": {"name": "Another Ltd"}, **WHY}, may=by_or_for,
                 headers=_version, again="amendment_pending"),
        ]),
        Kind(books.legacy, may_read, reads=("/operators/{operator_id}",), verbs=[legacy]),
    ]  # fmt: skip


def _registrations(books: Books) -> Kind:
    path = "POST /registrations/{registration_id}/"
    return Kind(
        books.registrations, may_read, reads=("/registrations/{registration_id}",), lists="/registrations",
        author="auditor", lifecycle=REGISTRATION, acts=REGISTRATION_ACTS.keys(), verbs=[
            Verb(f"{path}grant", "regulator-a", GRANT, Action.GRANT),
            Verb(f"{path}refusal", "regulator-a", {"statement": STATEMENT}, Action.REFUSE),
            Verb(f"{path}forwarding", "regulator-a", {"level": "national", "statement": STATEMENT}, Action.FORWARD,
                 again="out_of_scope"),  # on another desk by then
            Verb(f"{path}move", _owner, {"region": "310000", **WHY}, where={Status.ACTIVE}, may=by_or_for,
                 headers=_version, again="amendment_pending"),
            Verb(f"{path}sites", _owner, lambda *_: a_site(domain()), where={Status.ACTIVE}, may=by_or_for),
        ],
    )  # fmt: skip


def _renewals(books: Books) -> Kind:
    path = "POST /renewals/{renewal_id}/"
    return Kind(
        books.renewals, may_read, reads=("/renewals/{renewal_id}",), lists="/renewals", author="auditor",
        lifecycle=RENEWAL, acts=RENEWAL_ACTS.keys(), verbs=[
            Verb(f"{path}grant", "regulator-a", GRANT, RenewalAction.GRANT),
            Verb(f"{path}refusal", "regulator-a", {"statement": STATEMENT}, RenewalAction.REFUSE),
            Verb(f"{path}withdrawal", _owner, WHY, RenewalAction.WITHDRAW),
        ],
    )  # fmt: skip


def _licences(books: Books) -> Kind:
    api, clock = books.register.api, books.register.clock

    def asking(*_: Any) -> dict[str, Any]:  # all of it, since the regulator asks for no less
        return {"valid_until": str(latest_day(api.rt, clock.now())), **WHY}

    return Kind(books.licences, may_read, reads=("/registrations/{registration_id}",), verbs=[
        Verb("POST /registrations/{registration_id}/renewals", _owner, asking, may=by_or_for, again="renewal_pending"),
    ])  # fmt: skip


def _checks(books: Books) -> Kind:
    path = "POST /checks/{check_id}/"
    return Kind(
        books.checks, may_read_check, reads=("/checks/{check_id}",), lists="/checks", author="auditor",
        lifecycle=CHECK, acts=CHECK_ACTS.keys(), verbs=[
            Verb(f"{path}verification", HOST, None, CheckAction.VERIFY),
            Verb(f"{path}mismatch", HOST, {"differs": ["domains"], **WHY}, CheckAction.REPORT),
        ],
    )  # fmt: skip


def _tasks(books: Books) -> Kind:
    path = "POST /registrar-tasks/{task_id}/"
    return Kind(
        books.tasks, may_read_task, reads=("/registrar-tasks/{task_id}",), lists="/registrar-tasks", author="auditor",
        lifecycle=TASK, acts=TASK_ACTS.keys(), verbs=[
            Verb(f"{path}report", "registrar-a", {"outcome": "changed", **WHY}, TaskAction.ANSWER),
        ],
    )  # fmt: skip


def _sites(books: Books) -> list[Kind]:
    path, live = "POST /sites/{site_id}", {SiteStatus.LIVE}
    moved = {"registration_id": books.receiving, "reasons": "The shop was sold."}
    changing = Verb(f"{path}/amendments", _owner, _changed, where=live, may=by_or_for, code="not_live",
                    headers=_version, again="amendment_pending")  # fmt: skip
    moving = Verb(f"{path}/transfer", _owner, moved, where=live, may=by_or_for, code="not_live", headers=_version,
                  again="amendment_pending")  # fmt: skip
    leaving = Verb(f"{path}/accesses/{{access_id}}/end", _owner, WHY, where=live, may=own, code="not_live",
                   again="unknown_access")  # fmt: skip
    return [
        Kind(books.sites, may_read, reads=("/sites/{site_id}",), author="auditor", lifecycle=SITE,
             acts=SITE_ACTS.keys(), verbs=[
                 Verb(f"{path}/deregistration", _owner, WHY, SiteAction.DEREGISTER), changing, moving, leaving]),
        Kind(books.live, may_read, reads=("/sites/{site_id}/record?at={at}",), finds=("/sites?domain={domain}",)),
    ]  # fmt: skip


def _amendments(books: Books) -> Kind:
    path, proposed = "POST /amendments/{amendment_id}/", {AmendmentStatus.PROPOSED}
    return Kind(
        books.amendments, may_read_proposal, reads=("/amendments/{amendment_id}",), lists="/amendments",
        author="auditor", lifecycle=AMENDMENT, acts=AMENDMENT_ACTS.keys(), verbs=[
            Verb(f"{path}grant", "regulator-a", GRANT, AmendmentAction.GRANT, waits={"consent_missing"}),
            Verb(f"{path}refusal", "regulator-a", {"statement": STATEMENT}, AmendmentAction.REFUSE),
            Verb(f"{path}withdrawal", "seller", WHY, AmendmentAction.WITHDRAW),
            Verb(f"{path}consent", "applicant", None, where=proposed, may=receiver, waits={"nothing_changes"},
                 again="nothing_changes"),
        ],
    )  # fmt: skip


def _executions(books: Books) -> Kind:
    path = "POST /executions/{execution_id}/"
    return Kind(
        books.executions, may_read_execution, reads=("/executions/{execution_id}",), lists="/executions",
        author="auditor", lifecycle=EXECUTION, acts=EXECUTION_ACTS.keys(), verbs=[
            Verb(f"{path}acceptance", THIRD, _signing, ExecutionAction.ACCEPT, again="second_person_required"),
            Verb(f"{path}release", "regulator-a", WHY, ExecutionAction.RELEASE),
            Verb(f"{path}confirmation", THIRD, _signing, ExecutionAction.CONFIRM, again="second_person_required"),
            Verb(f"{path}decline", "regulator-a", {"statement": STATEMENT}, ExecutionAction.DECLINE),
        ],
    )  # fmt: skip


def _mergers(books: Books) -> list[Kind]:
    path = "POST /mergers/{merger_id}/"

    def signed(_: Record, shown: Mapping[str, Any]) -> dict[str, Any]:
        return {**WHY, "preview_digest": shown["preview_digest"] or "0" * 64}

    return [
        Kind(books.mergers, may_read_merger, reads=("/mergers/{merger_id}",), lists="/mergers", author="auditor",
             lifecycle=MERGER, acts=MERGER_ACTS.keys(), verbs=[
                 Verb(f"{path}confirmation", "regulator-b", signed, MergerAction.CONFIRM),
                 Verb(f"{path}withdrawal", "regulator-a", WHY, MergerAction.WITHDRAW),
                 Verb(f"{path}objection", lambda record: owner(record.words["organisation"][0]), WHY,
                      where={MergerStatus.PROPOSED}, may=one_of_both),
             ]),
        Kind([each for each in books.mergers if each.status in {None, MergerStatus.PROPOSED}], a_person(may_preview),
             reads=("/operators/{operator_id}/merger-preview?into={into}",)),
        beginning({"region": "110000"}, Verb(
            "POST /mergers", "regulator-a", lambda *_: books.merging, may=a_person(regulator), again="merger_pending")),
    ]  # fmt: skip


def may_submit(who: Caller, batch: Words) -> bool:
    """Operators and the regulator send batches; of what is not theirs each record is refused."""
    if not who.roles & {Role.OPERATOR, Role.INDUSTRY_REGULATOR}:
        raise NoRole
    return True


def _beginnings(books: Books) -> list[Kind]:
    entering = {
        "kind": "company", "region": "110000", "document": {"number": uscc(77_000)}, "particulars": {"name": "New Ltd"},
    }  # fmt: skip
    asking = {"operator_id": books.operators[0].id, "kind": "licence", "site": a_site(domain())}
    return [
        beginning({"organisation": uscc(77_000), "region": "110000"}, Verb(
            "POST /operators", "regulator-a", entering, may=by_or_for, again="operator_exists")),
        beginning({"organisation": OPERATOR_USCC, "region": "110000"}, Verb(
            "POST /registrations", "applicant", lambda *_: asking, may=by_or_for, again="not_admitted")),
        beginning({}, Verb(
            "POST /submissions", "applicant", lambda *_: {"records": [asking]}, may=may_submit)),
        beginning({}, Verb("POST /imports", "regulator-a", b"{}", may=may_import, joins=False,
                           headers=lambda _: {"Content-Type": "application/x-ndjson"})),
    ]  # fmt: skip


@asynccontextmanager
async def opened(make_database: MakeDatabase, folder: Path) -> AsyncIterator[World]:
    """The world of the register."""
    clock = FixedClock(at("2026-11-26T04:00"))
    settings: dict[str, Any] = {"signing_keys_file": folder / "keys.json", "signing_keys_generate": True}
    settings |= {"identity_key": "k" * 40, "profile": "cn-2006-demo"}
    async with running_service(SERVICE, await make_database("registry"), clock=clock, **settings) as api:
        books = await Books.of(Register(api, clock))
        reads = tuple(f"/registrations/{{registration_id}}/document{end}" for end in ("", ".pdf"))
        shown = (await api.get(f"/registrations/{books.licences[0].id}/document", who="auditor")).json()
        mark = (await api.get(f"/registrations/{books.licences[0].id}/mark", who="auditor")).json()
        yield World(api, [
            Kind(books.licences, may_read, reads=reads),
            Kind(books.licences, may_read, reads=tuple(
                f"/registrations/{{registration_id}}/mark{end}" for end in ("", ".svg", ".png"))),
            *_operators(books), _registrations(books), _licences(books), _renewals(books), _checks(books),
            _tasks(books), *_sites(books), _amendments(books), _executions(books),
            *_mergers(books),
            Kind(books.imports, may_read_import, reads=(
                "/imports/{import_id}", "/imports/{import_id}/results", "/imports/{import_id}/results.csv",
                "/imports/{import_id}/results/page",
            ), verbs=[
                Verb("POST /imports/{import_id}/continuation", "regulator-a", lambda record, _: record.more["body"],
                     may=may_read_import, joins=False,
                     waits={"import_over"}, again="import_over",
                     headers=lambda _: {"Content-Type": "application/x-ndjson"}),
            ]),
            await inbox(api, "regulator-a", "industry-110000"), *_beginnings(books), calendars(),
            *await reviews.kinds_of(books.register), await shells.kind_of(books.register, may_read, books.sites),
            *await hosted.kinds_of(books.register),
        ], others=(HOST, ANOTHER), nobodys=[SUBJECT],
            opens={"document_id": shown["document"]["document_id"], "token": mark["token"],
                   "calendar_token": await calendar_of_everybody(api)})  # fmt: skip
