"""The register: operators, registrations, sites, changes and executions, in every state, here and in Shanghai."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from registry.lifecycle import (
    AMENDMENT,
    EXECUTION,
    REGISTRATION,
    SITE,
    Action,
    AmendmentAction,
    AmendmentStatus,
    ExecutionAction,
    SiteAction,
    SiteStatus,
    Status,
)
from registry.main import SERVICE
from registry.policy import AMENDMENT_ACTS, EXECUTION_ACTS, REGISTRATION_ACTS, SITE_ACTS
from shared.rules import Level, Role
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.context import Caller
from tests.integration.registry.conftest import (
    GRANT,
    STATEMENT,
    Register,
    a_site,
    domain,
    owner,
    uscc,
)
from tests.integration.sweep.world import Kind, NoRole, Record, Verb, Words, World, beginning
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
WHY = {"reasons": "The shop moves to another name."}


def may_read(who: Caller, record: Words) -> bool:
    """Operators see their own; officials what is of their province, those of the whole country everything."""
    if not who.roles & {Role.OPERATOR, *OFFICIALS}:
        raise NoRole
    own = Role.OPERATOR in who.roles and who.organisation in {record["organisation"], record.get("receiver")}
    return own or bool(who.roles & OFFICIALS and _here(who, record))


def may_read_execution(who: Caller, execution: Words) -> bool:
    """The authority that decided and the regulator that executes; who reviews and who audits."""
    if not who.roles & {Role.INDUSTRY_REGULATOR, Role.SECTOR_REGULATOR, Role.AUDITOR, Role.REVIEW_BODY}:
        raise NoRole
    part = who.organisation in {execution["regulator"], execution["authority"]}
    return part or Role.AUDITOR in who.roles or (Role.REVIEW_BODY in who.roles and _here(who, execution))


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
    legacy = Verb(f"{path}legacy-code-confirmation", "regulator-b", None, may=regulator, where={Code.WAITING},
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
            Verb(f"{path}sites", _owner, lambda *_: a_site(domain()), where={Status.ACTIVE}, may=by_or_for),
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
        books.amendments, may_read, reads=("/amendments/{amendment_id}",), lists="/amendments", author="auditor",
        lifecycle=AMENDMENT, acts=AMENDMENT_ACTS.keys(), verbs=[
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
        beginning({}, Verb("POST /imports", "regulator-a", b"{}", may=may_import, joins=False,
                           headers=lambda _: {"Content-Type": "application/x-ndjson"})),
    ]  # fmt: skip


@asynccontextmanager
async def opened(make_database: MakeDatabase, folder: Path) -> AsyncIterator[World]:
    """The world of the register."""
    clock = FixedClock(at("2026-11-26T04:00"))
    settings: dict[str, Any] = {"signing_keys_file": folder / "keys.json", "signing_keys_generate": True}
    settings["identity_key"] = "k" * 40
    async with running_service(SERVICE, await make_database("registry"), clock=clock, **settings) as api:
        books = await Books.of(Register(api, clock))
        yield World(api, [
            *_operators(books), _registrations(books), *_sites(books), _amendments(books), _executions(books),
            Kind(books.imports, may_read_import, reads=(
                "/imports/{import_id}", "/imports/{import_id}/results", "/imports/{import_id}/results.csv",
                "/imports/{import_id}/results/page",
            ), verbs=[
                Verb("POST /imports/{import_id}/continuation", "regulator-a", lambda record, _: record.more["body"],
                     may=may_read_import, joins=False,
                     waits={"import_over"}, again="import_over",
                     headers=lambda _: {"Content-Type": "application/x-ndjson"}),
            ]),
            await inbox(api, "regulator-a", "industry-110000"), *_beginnings(books),
        ])  # fmt: skip
