"""Access-control: providers here and elsewhere, orders and instructions in every state and of other provinces."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from access_control.lifecycle import (
    CONDUCT,
    EMERGENCY,
    INSTRUCTION,
    KEY,
    LICENCE,
    LIFECYCLE,
    PROVIDER,
    KeyStatus,
    Move,
    ProviderStatus,
)
from access_control.main import SERVICE
from access_control.policy import INSTRUCTION_ACTS, ORDER_ACTS
from shared import signing
from shared.contracts.enforcement import DecisionOverturnedV1
from shared.contracts.hosted import FindingDisputedV1
from shared.contracts.http.access import InstructionAction
from shared.contracts.http.providers import ConductStatus, LicenceStatus
from shared.rules import Level, Role
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.context import Caller
from tests.integration.access_control.desk import NOON, WHY, Desk, Host, entered, licence, supervisor
from tests.integration.access_control.test_access_conduct import about, disputed, penalty_of, record
from tests.integration.access_control.test_access_emergencies import report, signed
from tests.integration.access_control.test_access_findings import escalated, said_of
from tests.integration.sweep.world import Kind, NoRole, Record, Verb, Words, World, a_person, beginning
from tests.integration.sweep.worlds.orders import instruction_records, order_records
from tests.support.fixtures import MakeDatabase
from tests.support.service import running_service

FOLLOW = {Role.ACCESS_DESK, Role.INDUSTRY_REGULATOR, Role.SECTOR_REGULATOR, Role.COORDINATION_OFFICE}
WEBHOOK = {"url": "http://127.0.0.1:9/orders", "after": 0}
NEW_PROVIDER = {
    "name": "New Hosting", "licence": licence("京ICP证099999号"), "region": "110000", "kind": "access_provider",
    "contact": "filings@new.example",
}  # fmt: skip


def may_read_order(who: Caller, order: Words) -> bool:
    """Auditors; who follows orders of the province; its supervisor; its provider, once it is out."""
    if not who.roles & {*FOLLOW, Role.AUDITOR, Role.NETWORK_SUPERVISOR, Role.ACCESS_PROVIDER}:
        raise NoRole
    here = who.level == Level.NATIONAL or str(who.region) in order["provinces"]
    return (
        Role.AUDITOR in who.roles
        or bool(who.roles & FOLLOW and here)
        or (Role.NETWORK_SUPERVISOR in who.roles and who.organisation == order["supervisor"])
        or (Role.ACCESS_PROVIDER in who.roles and who.organisation == order["provider"] and order["out"])
    )


def may_read_observed(who: Caller, order: Words) -> bool:
    """Whoever reads the order; and the operator whose site it is, once it is out."""
    if Role.OPERATOR in who.roles and order["operator"] in who.identities and order["out"]:
        return True
    try:
        return may_read_order(who, order)
    except NoRole:
        if Role.OPERATOR in who.roles:
            return False
        raise


def may_read_instruction(who: Caller, instruction: Words) -> bool:
    """Auditors; the regulator that gave it; the supervisor that has it."""
    if not who.roles & {Role.AUDITOR, Role.ACCESS_DESK, Role.INDUSTRY_REGULATOR, Role.NETWORK_SUPERVISOR}:
        raise NoRole
    gave = who.roles & {Role.ACCESS_DESK, Role.INDUSTRY_REGULATOR} and who.organisation == instruction["regulator"]
    has = Role.NETWORK_SUPERVISOR in who.roles and who.organisation == instruction["supervisor"]
    return Role.AUDITOR in who.roles or bool(gave) or has


def may_read_provider(who: Caller, provider: Words) -> bool:
    """Officials read all of them; a provider itself."""
    if not who.roles & {*FOLLOW, Role.AUDITOR, Role.NETWORK_SUPERVISOR, Role.ACCESS_PROVIDER}:
        raise NoRole
    return Role.ACCESS_PROVIDER not in who.roles or who.organisation == provider["id"]


def may_read_conduct(who: Caller, provider: Words) -> bool:
    """The same, without supervisors."""
    if not who.roles - {Role.NETWORK_SUPERVISOR}:
        raise NoRole
    return may_read_provider(who, provider)


def may_read_emergency(who: Caller, emergency: Words) -> bool:
    """What a provider said: auditors; the regulators of the province; the provider itself."""
    if not who.roles & {Role.ACCESS_DESK, Role.INDUSTRY_REGULATOR, Role.AUDITOR, Role.ACCESS_PROVIDER}:
        raise NoRole
    here = who.level == Level.NATIONAL or who.region == emergency["region"]
    return (
        Role.AUDITOR in who.roles
        or bool(who.roles & {Role.ACCESS_DESK, Role.INDUSTRY_REGULATOR} and here)
        or (Role.ACCESS_PROVIDER in who.roles and who.organisation == emergency["id"])
    )


def is_it(who: Caller, provider: Words) -> bool:
    """The provider itself."""
    if Role.ACCESS_PROVIDER not in who.roles:
        raise NoRole
    return bool(who.organisation == provider["id"])


def may_keep_keys(who: Caller, provider: Words) -> bool:
    """A person of the desk, and the provider itself."""
    own = Role.ACCESS_PROVIDER in who.roles and who.organisation == provider["id"]
    return own or a_person(may_enter)(who, provider)


def may_enter(who: Caller, provider: Words) -> bool:
    """The access desk of the province."""
    here = who.level == Level.NATIONAL or who.region == provider["region"]
    return Role.ACCESS_DESK in who.roles and here


def _unsent(who: Caller, order: Words) -> int:
    """A provider does not learn that an order is coming."""
    return 404 if who.organisation == order["provider"] else 403


def _answer(answer: str) -> dict[str, str]:
    return {**WHY, "answer": answer}


def _orders(records: list[Record]) -> Kind:
    path = "POST /orders/{order_id}/"
    return Kind(
        records, may_read_order, reads=("/orders/{order_id}",), lists="/orders", denied=_unsent, lifecycle=LIFECYCLE,
        acts=ORDER_ACTS.keys(), author="auditor",
        verbs=[
            Verb(f"{path}withdrawal", "desk-a", WHY, Move.WITHDRAW),
            Verb(f"{path}reissue-request", "regulator-a", WHY, Move.ASK_REISSUE, again="asked_already"),
            Verb(f"{path}reissue", "regulator-a", WHY, Move.REISSUE, again="reissued_already"),
            Verb(f"{path}answer", "regulator-a", _answer("upheld"), Move.UPHOLD),
            Verb(f"{path}answer", "regulator-a", _answer("rejected"), Move.REJECT),
            Verb(f"{path}answer", "regulator-a", _answer("accepted"), Move.ACCEPT),
            Verb(f"{path}escalation", "desk-a", WHY, Move.ESCALATE, again="not_overdue"),
        ],
    )  # fmt: skip


def _instructions(records: list[Record]) -> Kind:
    path, a, b = "POST /instructions/{instruction_id}/", supervisor("a"), supervisor("b")
    return Kind(
        records, may_read_instruction, reads=("/instructions/{instruction_id}",), lists="/instructions",
        lifecycle=INSTRUCTION, acts=INSTRUCTION_ACTS.keys(), author="auditor",
        verbs=[
            Verb(f"{path}acknowledgement", a, None, InstructionAction.ACKNOWLEDGE),
            Verb(f"{path}issue", b, None, InstructionAction.ISSUE),
            Verb(f"{path}objection", a, WHY, InstructionAction.OBJECT),
            Verb(f"{path}answer", "regulator-a", _answer("upheld"), InstructionAction.UPHOLD),
            Verb(f"{path}answer", "regulator-a", _answer("rejected"), InstructionAction.REJECT),
        ],
    )  # fmt: skip


async def _licences(desk: Desk, host: Host, unlicensed: Host, closed: Host) -> list[Kind]:
    """A licence that is held and one that was given up; a provider in every state."""
    known: Any = {}
    for status in LicenceStatus:
        body = licence(f"京B1-{status}", valid_until="2030-12-31")
        known[status] = (await desk.act(f"/providers/{host.id}/licences", body, "desk-a", 201))["id"]
    path = "/providers/{provider_id}/licences/{licence_id}"
    gone = path.format(provider_id=host.id, licence_id=known[LicenceStatus.GIVEN_UP])
    await desk.act(f"{gone}/give-up", WHY, host.who)
    records = [
        Record({"licence_id": each, "provider_id": host.id}, {"id": host.id, "region": "110000"}, status)
        for status, each in known.items()
    ]
    (held,) = (await desk.api.get(f"/providers/{unlicensed.id}", who="auditor")).json()["licences"]
    await desk.act(f"/providers/{unlicensed.id}/licences/{held['id']}/give-up", WHY, unlicensed.who)
    await desk.act(f"/providers/{closed.id}/close", WHY, closed.who)
    states: Any = {ProviderStatus.ACTIVE: host, ProviderStatus.UNLICENSED: unlicensed, ProviderStatus.CLOSED: closed}
    providers = [Record({"provider_id": each.id}, {"id": each.id}, status) for status, each in states.items()]
    hosts = {each.id: each.who for each in states.values()}
    return [
        Kind(records, lambda *_: False, lifecycle=LICENCE, verbs=[
            Verb(f"POST {path}/renewal", "desk-a", {"valid_until": "2035-12-31"}, where={LicenceStatus.HELD},
                 may=may_enter, code="given_up", again="licence_shortened"),
            Verb(f"POST {path}/give-up", host.who, WHY, where={LicenceStatus.HELD}, may=is_it, again="action_refused"),
        ]),
        Kind(providers, lambda *_: False, lifecycle=PROVIDER, verbs=[
            Verb("POST /providers/{provider_id}/close", lambda record: hosts[record.id], WHY,
                 where={ProviderStatus.ACTIVE, ProviderStatus.UNLICENSED}, may=is_it, again="action_refused"),
            Verb("POST /providers/{provider_id}/reopen", lambda record: hosts[record.id], WHY,
                 where={ProviderStatus.CLOSED}, may=is_it, again="action_refused"),
        ]),
    ]  # fmt: skip


async def _trials(desk: Desk, sandbox: Host) -> list[Kind]:
    """A trial order, which nobody but its sandbox sees; and the asking for another."""
    path, body = "/providers/{provider_id}/trial-orders", {"hosts": ["pharmacy.example"]}
    trial = await desk.act(path.format(provider_id=sandbox.id), body, sandbox.who, 201)
    words = {"id": sandbox.id}
    return [
        Kind([Record({"order_id": trial["id"], "provider_id": sandbox.id}, words)], lambda *_: False, verbs=[
            Verb(f"POST {path}/{{order_id}}/end", sandbox.who, may=is_it),
        ]),
        Kind([Record({"provider_id": sandbox.id}, words)], lambda *_: False, verbs=[
            Verb(f"POST {path}", sandbox.who, body, may=is_it),
        ]),
    ]  # fmt: skip


def _providers(hosts: list[tuple[Host, str]]) -> list[Kind]:
    records = [Record({"provider_id": host.id}, {"id": host.id, "region": region}) for host, region in hosts]
    feed, made = "/providers/{provider_id}", signing.generate_key(kid="another")
    changed = {"name": "Example", "contact": "filings@other.example"}
    return [
        Kind(records, may_read_provider, reads=(feed,), lists="/providers", author="auditor", verbs=[
            Verb(f"PUT {feed}", "desk-a", changed, may=may_enter,
                 headers=lambda shown: {"If-Match": f'"{shown["version"]}"'}),
            Verb(f"POST {feed}/keys", "desk-a", lambda record, _: {**entered(made, record.at["provider_id"]), **WHY},
                 may=a_person(may_enter), again="kid_taken", closed=("bad_jwk",)),  # itself, without a key that vouches
            Verb(f"POST {feed}/licences", "desk-a", lambda record, _: licence(f"京B1-{record.id[-12:]}"), may=may_enter,
                 again="licence_taken"),
            Verb(f"PUT {feed}/contact", hosts[0][0].who, {"contact": "filings@new.example"}, may=is_it,
                 headers=lambda shown: {"If-Match": f'"{shown["version"]}"'}),
        ]),
        Kind(records, may_read_conduct, reads=(f"{feed}/conduct", f"{feed}/conduct/findings")),
        Kind([Record({**each.at, "sequence": "1"}, each.words) for each in records[:1]], is_it, reads=(
            f"{feed}/orders", f"{feed}/orders/stream", f"{feed}/orders/{{sequence}}", f"{feed}/state",
            f"{feed}/snapshot", f"{feed}/webhook",
        ), verbs=[
            Verb(f"PUT {feed}/webhook", hosts[0][0].who, WEBHOOK, may=is_it),
            Verb(f"DELETE {feed}/webhook", hosts[0][0].who, may=is_it),
            Verb(f"POST {feed}/receipts", hosts[0][0].who, {"jws": hosts[0][0].batch("none")}, may=is_it),
            Verb(f"POST {feed}/emergencies", hosts[0][0].who,
                 {"jws": signed(hosts[0][0], host="asked.example")}, may=is_it, again="emergency_reported_already"),
        ]),
    ]  # fmt: skip


async def _keys(desk: Desk, host: Host) -> Kind:
    """A key in use, and one that was revoked."""
    revoked = signing.generate_key(kid="revoked")
    await desk.add_key(host, revoked)
    answer = await desk.api.post(f"/providers/{host.id}/keys/revoked/revocation", json=WHY, who="desk-a")
    assert answer.status_code == 200, answer.text
    known: Any = {host.key["kid"]: KeyStatus.IN_USE, "revoked": KeyStatus.REVOKED}
    records = [
        Record({"kid": kid, "provider_id": host.id}, {"id": host.id, "region": "110000"}, status)
        for kid, status in known.items()
    ]
    revoking = Verb(
        "POST /providers/{provider_id}/keys/{kid}/revocation", "desk-a", WHY, where={KeyStatus.IN_USE},
        may=may_keep_keys, code="key_already_revoked", again="key_already_revoked",
    )  # fmt: skip
    return Kind(records, lambda *_: False, lifecycle=KEY, verbs=[revoking])


def may_answer(who: Caller, entry: Words) -> bool:
    """The industry regulator that decided."""
    if Role.INDUSTRY_REGULATOR not in who.roles:
        raise NoRole
    return bool(who.organisation == entry["authority"])


async def _entries(desk: Desk, host: Host) -> list[Kind]:
    """An entry of the conduct record in every state."""
    known: dict[ConductStatus, str] = {}
    for status in ConductStatus:
        decision = penalty_of(host)
        await desk.deliver(decision)
        known[status] = (await record(desk, host))[0]["id"]
        if status in {ConductStatus.DISPUTED, ConductStatus.KEPT}:
            await disputed(desk, host)
        if status is ConductStatus.KEPT:
            await disputed(desk, host, "regulator-a", "dispute-answer", WHY)
        if status is ConductStatus.UNDONE:
            await desk.deliver(about(DecisionOverturnedV1, decision))
    path = "POST /providers/{provider_id}/conduct/{entry_id}/"
    records = [
        Record({"entry_id": entry, "provider_id": host.id}, {"id": host.id, "authority": "industry-110000"}, status)
        for status, entry in known.items()
    ]
    waiting = [Record(each.at, each.words) for each in records if each.status is ConductStatus.DISPUTED]
    noted = escalated(host)
    await desk.deliver(noted, said_of(noted, FindingDisputedV1))
    finding = Record({"finding_id": str(noted.finding_id)}, {"id": host.id, "authority": "industry-110000"})
    return [
        Kind(records, lambda *_: False, lifecycle=CONDUCT, verbs=[
            Verb(f"{path}dispute", host.who, WHY, where={ConductStatus.STANDING}, may=is_it, again="action_refused"),
        ]),
        Kind(waiting, may_answer, lists="/conduct-disputes", verbs=[
            Verb(f"{path}dispute-answer", "regulator-a", WHY, may=a_person(may_answer), again="action_refused"),
        ]),
        Kind([finding], may_answer, lists="/conduct-disputes/findings", key="finding_id"),
    ]  # fmt: skip


async def _elsewhere(desk: Desk) -> Host:
    """A provider of Shanghai."""
    body = {**NEW_PROVIDER, "licence": licence("沪ICP证000001号"), "region": "310000"}
    entered = await desk.act("/providers", body, ("desk-a", {"region": "310000"}), 201)
    return Host(entered["id"], {})


async def _emergencies(desk: Desk, host: Host) -> list[Record]:
    """What a provider suspended by itself."""
    found = await report(desk, host, signed(host, host="dark.example"))
    return [Record({"emergency_id": found["id"]}, {"id": host.id, "region": "110000"})]


async def _batches(desk: Desk, host: Host) -> list[Record]:
    """A batch of receipts that was taken."""
    answer = await desk.hand_in(host, host.batch("something else"))
    return [Record({"provider_id": host.id, "digest": answer.json()["digest"]}, {"id": host.id, "region": "110000"})]


@asynccontextmanager
async def opened(make_database: MakeDatabase, folder: Path) -> AsyncIterator[World]:
    """The world of access-control."""
    dsn, clock = await make_database("access-control"), FixedClock(NOON)
    settings: dict[str, Any] = {
        "signing_keys_file": folder / "keys.json",
        "signing_keys_generate": True,
        "webhooks_private": True,
    }
    async with running_service(SERVICE, dsn, clock=clock, feed_stream_s=0.01, **settings) as api:
        desk = Desk(api, clock, dsn)
        host, network, far = await desk.host(), await desk.network(), await _elsewhere(desk)
        full, unlicensed, closed = await desk.host(daily_capacity=1), await desk.host(), await desk.host()
        sandbox = await desk.host(licence=None, sandbox=True)
        posted = await desk.api.put(f"/providers/{host.id}/webhook", json=WEBHOOK, who=host.who)
        assert posted.status_code == 200, posted.text
        orders = await order_records(desk, host, network, full, far)
        instructions = await instruction_records(desk, network)
        kinds = [
            _orders(orders), Kind(orders, may_read_observed, reads=("/orders/{order_id}/observed",), denied=_unsent),
            _instructions(instructions), await _keys(desk, host),
            *await _entries(desk, host),
            *await _trials(desk, sandbox),
            *await _licences(desk, host, unlicensed, closed),
            *_providers([(host, "110000"), (network, "110000"), (full, "110000"), (far, "310000")]),
            Kind(await _batches(desk, host), may_read_emergency, reads=("/providers/{provider_id}/receipts/{digest}",)),
            Kind(await _emergencies(desk, host), may_read_emergency, reads=("/emergencies/{emergency_id}",),
                 lists="/emergencies"),
            beginning({"region": "110000"}, Verb(
                "POST /providers", "desk-a", NEW_PROVIDER, may=may_enter, again="licence_taken")),
        ]  # fmt: skip
        yield World(
            api,
            kinds,
            others=(host.who, unlicensed.who, closed.who, sandbox.who, supervisor("a"), supervisor("b")),
            nobodys=(EMERGENCY,),
            opens={"provider_id": host.id},
        )
