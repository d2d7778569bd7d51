"""What a provider hosts: its list, and a finding in every state, of a registered site and of none."""

from typing import Any, Final
from uuid import UUID

from registry.consumer import DEADLINES
from registry.lifecycle import HOSTED_FINDING, FindingAction
from registry.policy import HOSTED_ACTS
from registry.service import reconciling
from shared.contracts.http.hosted import FindingStatus
from shared.rules import Level, Role
from shared.runtime.base.context import Caller
from tests.integration.registry.conftest import PROVIDER, Register, domain, uscc
from tests.integration.registry.listing import WHY, Sender, provider, record
from tests.integration.sweep.world import Kind, NoRole, Record, Verb, Words, beginning

HOST: Final = provider()


def may_read_inventory(who: Caller, list_: Words) -> bool:
    """The provider, and who regulates and audits its province."""
    officials = who.roles & {Role.INDUSTRY_REGULATOR, Role.AUDITOR}
    if not officials and Role.ACCESS_PROVIDER not in who.roles:
        raise NoRole
    return bool(officials and _here(who, list_)) or _own(who, list_)


def may_read(who: Caller, finding: Words) -> bool:
    """They, who reviews, and the operator whose site it is."""
    officials = who.roles & {Role.INDUSTRY_REGULATOR, Role.AUDITOR, Role.REVIEW_BODY}
    if not officials and not who.roles & {Role.ACCESS_PROVIDER, Role.OPERATOR}:
        raise NoRole
    mine = Role.OPERATOR in who.roles and who.organisation == finding["organisation"]
    return bool(officials and _here(who, finding)) or _own(who, finding) or mine


def sends(who: Caller, list_: Words) -> bool:
    """The provider."""
    return _own(who, list_)


def asks(who: Caller, _: Words) -> bool:
    """Every provider that the register knows."""
    if Role.ACCESS_PROVIDER not in who.roles:
        raise NoRole
    return True


def _own(who: Caller, words: Words) -> bool:
    return Role.ACCESS_PROVIDER in who.roles and who.organisation == words["provider"]


def _here(who: Caller, words: Words) -> bool:
    return who.level == Level.NATIONAL or who.region == words["region"]


async def _found(register: Register) -> list[Record]:
    """A finding in every state: of a registered site that is listed otherwise, and one of a name nobody registered."""
    sender, hosts = Sender(register), {status: domain() for status in FindingStatus}
    code = uscc(67_000)
    site = await register.live(code)
    other = site["domains"][0]
    await sender.hosts(record(other, "198.18.0.99"), *(record(each) for each in hosts.values()))
    ids = {each["host"]: each["id"] for each in await sender.findings()}
    disputed = (FindingStatus.DISPUTED, FindingStatus.KEPT)
    for status in (FindingStatus.ESCALATED, FindingStatus.DISMISSED, *disputed):
        async with register.api.rt.db.transaction() as tx:
            await DEADLINES[reconciling.CURE](register.api.rt, tx, UUID(ids[hosts[status]]))
    await register.post(f"/hosted-findings/{ids[hosts[FindingStatus.ANSWERED]]}/answer", WHY, HOST)
    for status in disputed:
        await register.post(f"/hosted-findings/{ids[hosts[status]]}/answer", WHY, HOST)
    await register.post(f"/hosted-findings/{ids[hosts[FindingStatus.KEPT]]}/dispute-answer", WHY, "regulator-a")
    await register.post(f"/hosted-findings/{ids[hosts[FindingStatus.DISMISSED]]}/dismissal", WHY, "regulator-a")
    await sender.hosts(
        record(other, "198.18.0.99"),
        *(record(host) for status, host in hosts.items() if status is not FindingStatus.CURED),
    )
    words = {"provider": str(PROVIDER), "region": "110000", "organisation": None}
    return [
        Record({"finding_id": ids[other]}, {**words, "organisation": code}),
        *(Record({"finding_id": ids[host]}, words, status) for status, host in hosts.items()),
    ]


async def kinds_of(register: Register) -> list[Kind]:
    """What the world of the register has of them."""
    found = await _found(register)
    path = "POST /hosted-findings/{finding_id}/"
    whose = {"provider": str(PROVIDER), "region": "110000"}
    listed = Record({"provider_id": str(PROVIDER)}, whose)
    sequence = (await Sender(register).state())["next_sequence"]
    batch: dict[str, Any] = {"sequence": sequence, "records": [record(domain())]}
    return [
        Kind(found, may_read, reads=("/hosted-findings/{finding_id}",), lists="/hosted-findings", author="auditor",
             lifecycle=HOSTED_FINDING, acts=HOSTED_ACTS.keys(), verbs=[
                 Verb(f"{path}answer", HOST, WHY, FindingAction.ANSWER),
                 Verb(f"{path}insistence", "regulator-a", WHY, FindingAction.INSIST),
                 Verb(f"{path}dispute-answer", "regulator-a", WHY, FindingAction.KEEP),
                 Verb(f"{path}dismissal", "regulator-a", WHY, FindingAction.DISMISS),
             ]),
        Kind([listed], may_read_inventory, reads=("/inventories/{provider_id}",), author="auditor", verbs=[
            Verb("POST /inventories/{provider_id}/batches", HOST, lambda *_: batch, may=sends),
        ]),
        beginning(
            {},
            Verb("POST /preflight", HOST, record(domain()), may=asks, waits={"provider_not_active"}),
            Verb("POST /preflight/batch", HOST, {"questions": [record(domain())]}, may=asks,
                 waits={"provider_not_active"}),
        ),
    ]  # fmt: skip
