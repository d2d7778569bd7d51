"""One batch of an import: what is there is compared, the rest is asked the rule of admission and goes in by COPY.

An import enters what provinces registered on paper or elsewhere. It issues numbers only where none is given, revives
nothing that ended, and marks what lacks a consent as a finding to be put right.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from registry.importing.records import Record
from registry.importing.rows import Rejected, Row, masked, shown
from registry.lifecycle import SiteStatus, Status
from registry.service import admission, identities, writing
from registry.service.admission import Candidate, Facts
from registry.store import accesses, copies, imports, operators, registrations, sites
from registry.store.accesses import Access
from registry.store.claims import Name
from registry.store.copies import Provider
from registry.store.imports import Import, Mark, Outcome, Result, Taken
from registry.store.operators import Known, Operator
from registry.store.registrations import Registration
from registry.store.sites import OwnedSite, Site
from shared.contracts.grounds import AddressForService
from shared.contracts.http.registry import MOST_SITES, Particulars
from shared.rules.identifiers import format_number
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import TryAgain
from shared.runtime.db.postgres import Tx

FINDINGS: Final = frozenset({"approval_missing"})
"""Grounds of the rule of admission that do not keep an existing site out: they are to be put right."""
WHY: Final = "Entered from an existing register."
CAUSE: Final = {"kind": "import"}


@dataclass(frozen=True, slots=True)
class Earlier:
    """A row that was taken: its line, whose it is, and what it says."""

    line: int
    uscc: str
    values: tuple[object, ...]


@dataclass(slots=True)
class Seen:
    """What rows have taken so far: of a batch, or, since nothing of it is entered, of a whole dry run."""

    new_operators: dict[str, Operator] = field(default_factory=dict)
    names: dict[str, Earlier] = field(default_factory=dict)
    dedicated: dict[str, set[UUID]] = field(default_factory=dict)
    shared: dict[str, set[UUID]] = field(default_factory=dict)
    """Address → every operator that serves there; of a dedicated one it is one."""
    numbered: dict[str, Registration] = field(default_factory=dict)
    new: dict[UUID, Registration] = field(default_factory=dict)
    filings: dict[UUID, UUID] = field(default_factory=dict)
    """Operator → its filing that these rows enter."""
    ordinals: dict[UUID, int] = field(default_factory=dict)


@dataclass(slots=True)
class Batch:
    """What is known of everything a batch names, and what came of it so far."""

    who: Caller
    at: datetime
    known_operators: dict[str, Operator]
    said: dict[int, Operator]
    """Line → its operator as it says, for one that is not known yet; the first that is taken enters it."""
    candidates: list[Candidate]
    facts: Facts
    known: dict[UUID, Site]
    registered: dict[UUID, list[tuple[Registration, int]]]
    """What each known operator has asked for or holds, with its last site number."""
    seen: Seen
    outcome: Outcome = field(default_factory=Outcome)
    keeps_all: bool = False


async def write(
    rt: Runtime, tx: Tx, who: Caller, begun: Import, records: Sequence[Record], results: Sequence[Result], mark: Mark
) -> None:
    """Enter a batch. Raises UniqueViolationError or TryAgain if somebody enters the same at this moment."""
    batch, accepted = await _judge(rt, tx, who, begun, records, results, Seen())
    await _enter(rt, tx, batch, accepted)
    await imports.progress(tx, begun.id, begun.run, batch.outcome, mark, batch.at)


async def try_out(
    rt: Runtime, tx: Tx, who: Caller, begun: Import, records: Sequence[Record], results: Sequence[Result], mark: Mark,
    seen: Seen,
) -> None:  # fmt: skip
    """Say what entering a batch would come to, after what was ``seen`` in the file before it; the register stays."""
    batch, accepted = await _judge(rt, tx, who, begun, records, results, seen)
    batch.outcome.accepted = len(accepted)
    if begun.keeps_all:
        batch.outcome.taken += [Taken(record.row.number, "accepted", None, record.number) for record, _ in accepted]
    await imports.progress(tx, begun.id, begun.run, batch.outcome, mark, batch.at)


async def _judge(
    rt: Runtime, tx: Tx, who: Caller, begun: Import, records: Sequence[Record], results: Sequence[Result], seen: Seen
) -> tuple[Batch, list[tuple[Record, Candidate]]]:
    """Which records go in, with what is to be said of all."""
    batch = await _look(rt, tx, who, records, seen)
    batch.keeps_all = begun.keeps_all
    batch.outcome.results += results
    accepted: list[tuple[Record, Candidate]] = []
    for record, candidate in zip(records, batch.candidates, strict=True):
        try:
            if not _is_there(batch, record):
                _admit(rt, batch, record, candidate)
                accepted.append((record, candidate))
        except Rejected as error:
            name, value = _as_given(record, error.field)
            said = Rejected(error.code, name, error.message)
            batch.outcome.results.append(result_of(record.row, said, value))
    return batch, accepted


def result_of(row: Row, error: Rejected, value: str | None) -> Result:
    """A rejection, as the results show it."""
    given = None if value is None else shown(value)
    return Result(row.number, 1, "rejected", row.shown, error.code, error.field, masked(error.message), given)


def _as_given(record: Record, where: str | None) -> tuple[str | None, str | None]:
    """The field of the file, and its value, that a ground of the rule of admission is about."""
    part, _, rest = (where or "").partition(".")
    if part == "accesses":
        part = rest.rpartition(".")[2]
    name = {"domains": "domain", "operator": "operator_uscc"}.get(part, part)
    match name:
        case "domain":
            value = ";".join(each.raw for each in record.names)
        case "service_items":
            value = record.service_items[int(rest)] if rest else ";".join(record.service_items)
        case "ips":
            value = ";".join(record.ips)
        case "operator_uscc":
            value = record.uscc
        case "":
            return None, None
        case _:
            value = str(getattr(record, name) or "")
    return name, value


async def _look(rt: Runtime, tx: Tx, who: Caller, records: Sequence[Record], seen: Seen) -> Batch:
    at = rt.clock.now()
    held = await identities.hold_many(tx, {record.uscc for record in records})
    of_operator: dict[UUID, list[tuple[Registration, int]]] = {}
    for registration, last in await registrations.open_of(tx, [operator.id for operator in held.values()]):
        of_operator.setdefault(registration.operator_id, []).append((registration, last))
    ids = {record.uscc: uuid7() for record in records}
    batch = Batch(
        who=who, at=at, known_operators=held,
        said={r.row.number: _said(r, ids[r.uscc], who, at) for r in records if r.uscc not in held},
        candidates=[], facts=Facts({}, {}, (), (), {}, frozenset()), known={}, registered=of_operator,
        seen=seen,
    )  # fmt: skip
    seen.numbered |= await registrations.by_number(tx, [record.number for record in records if record.number])
    providers = await copies.providers(tx, {record.provider_id for record in records})
    batch.candidates = [_candidate(batch, record, providers.get(record.provider_id)) for record in records]
    batch.facts = await admission.facts_of(rt, tx, batch.candidates)
    batch.known = await sites.many(tx, {site_id for site_id, _ in batch.facts.holders.values()})
    return batch


def _operator(batch: Batch, record: Record) -> Operator:
    """The operator of a record: known, entered by an earlier record of this batch, or as this record says."""
    found = batch.known_operators.get(record.uscc) or batch.seen.new_operators.get(record.uscc)
    return found or batch.said[record.row.number]


def _said(record: Record, operator_id: UUID, who: Caller, at: datetime) -> Operator:
    return Operator(
        operator_id, 1, Known.KNOWN, record.uscc, "credit_code", record.operator_kind, record.region,
        Particulars(name=record.operator_name), AddressForService(), who.person, None, at,
    )  # fmt: skip


def _candidate(batch: Batch, record: Record, provider: Provider | None) -> Candidate:
    operator = _operator(batch, record)
    region = provider.region if provider else record.region
    access = Access(uuid7(), record.provider_id, record.ips, record.hosting_mode, region, "live")
    return Candidate(
        operator.identity, operator.id, record.region, record.level, record.names, record.service_items, (access,)
    )


def _is_there(batch: Batch, record: Record) -> bool:
    """Whether the register, or this batch, has just this already. Raises Rejected if it has something else."""
    for name in record.names:
        holder = batch.facts.holders.get(name.ascii)
        if holder is not None:
            return _same_as_known(batch, record, name, batch.known[holder[0]], holder[1])
        earlier = batch.seen.names.get(name.ascii)
        if earlier is not None:
            if earlier.uscc != record.uscc:
                message = f"{name.ascii} is in line {earlier.line} for another operator"
                raise Rejected("domain_taken", "domain", message)
            if earlier.values != _values(record):
                raise Rejected("differs", "domain", f"{name.ascii} is in line {earlier.line} with other values")
            _unchanged(batch, record, None)
            return True
    return False


def _same_as_known(batch: Batch, record: Record, name: Name, known: Site, operator_id: UUID) -> bool:
    if operator_id != _operator(batch, record).id:
        raise Rejected("domain_taken", "domain", f"{name.ascii} is registered to another operator")
    if known.status is not SiteStatus.LIVE:
        raise Rejected("not_live", "domain", f"the site of {name.ascii} is {known.status}: an import revives nothing")
    numbered = batch.seen.numbered.get(record.number) if record.number else None
    if record.number and (numbered is None or numbered.id != known.registration_id):
        raise Rejected("other_number", "number", f"{name.ascii} is registered under another number")
    same = known.name, set(known.domains), known.service_items
    where = record.provider_id, record.ips, record.hosting_mode
    if (*same, *where) != _values(record) or where not in {access.where for access in known.accesses}:
        raise Rejected("differs", "domain", f"{name.ascii} is registered with other values; amend that site instead")
    _unchanged(batch, record, known)
    return True


def _unchanged(batch: Batch, record: Record, known: Site | None) -> None:
    """Nothing is to be done; ``known``: the site that is in the register, none where an earlier row enters it."""
    batch.outcome.unchanged += 1
    if batch.keeps_all:
        registered = batch.registered.get(_operator(batch, record).id, ())
        number = next((each.number for each, _ in registered if known and each.id == known.registration_id), None)
        full = f"{number}-{known.ordinal}" if known and number else record.number
        batch.outcome.taken.append(Taken(record.row.number, "unchanged", known.id if known else None, full))


def _values(record: Record) -> tuple[object, ...]:
    names = {name.ascii for name in record.names}
    return record.site_name, names, record.service_items, record.provider_id, record.ips, record.hosting_mode


def _admit(rt: Runtime, batch: Batch, record: Record, candidate: Candidate) -> None:
    """Take a record into the batch. Raises Rejected, and then the batch has taken nothing of it."""
    operator = _operator(batch, record)
    if operator.region != record.region:
        raise Rejected("operator_elsewhere", "region", f"this operator is of {operator.region}; its filings are too")
    found = admission.grounds(rt.rules, batch.facts, candidate)
    for ground in found:
        if ground.code not in FINDINGS:
            raise Rejected(ground.code, ground.field, ground.message)
    _check_addresses(batch, operator, record)
    _check_number(batch, operator, record)
    if record.uscc not in batch.known_operators:
        batch.seen.new_operators[record.uscc] = operator
    earlier = Earlier(record.row.number, record.uscc, _values(record))
    for name in record.names:
        batch.seen.names[name.ascii] = earlier
    served = batch.seen.dedicated if record.hosting_mode == "dedicated" else batch.seen.shared
    for ip in record.ips:
        served.setdefault(ip, set()).add(operator.id)
    for ground in found:
        _find(batch, record, ground.code, ground.field, ground.message)
    if (operator.particulars.name, operator.kind) != (record.operator_name, record.operator_kind):
        message = f"the register knows this operator as {operator.particulars.name} ({operator.kind}); amend it there"
        _find(batch, record, "operator_differs", "operator_name", message)


def _find(batch: Batch, record: Record, code: str, field_: str, message: str) -> None:
    last = batch.outcome.results[-1] if batch.outcome.results else None
    place = last.place + 1 if last is not None and last.line == record.row.number else 1
    name, value = _as_given(record, field_)
    batch.outcome.results.append(
        Result(record.row.number, place, "finding", record.row.shown, code, name, message, value and shown(value))
    )


def _check_addresses(batch: Batch, operator: Operator, record: Record) -> None:
    others = (
        (batch.seen.dedicated,) if record.hosting_mode != "dedicated" else (batch.seen.dedicated, batch.seen.shared)
    )
    for ip in record.ips:
        if any(taken.get(ip, set()) - {operator.id} for taken in others):
            raise Rejected("address_taken", "ips", f"{ip}: an address of a dedicated server serves one operator only")


def _check_number(batch: Batch, operator: Operator, record: Record) -> None:
    """A number is its operator's, alive, and the one it has for this province."""
    known = batch.seen.numbered.get(record.number) if record.number else None
    if known is not None and known.operator_id != operator.id:
        raise Rejected("number_taken", "number", f"{record.number} belongs to another operator")
    if known is not None and known.status is not Status.ACTIVE:
        raise Rejected("number_ended", "number", f"{record.number} is {known.status}: an import revives nothing")
    filing = _filing(batch, operator)
    if record.number_kind == "filing" and filing is not None and filing.status is Status.SUBMITTED:
        raise Rejected("filing_pending", "number", "this operator has asked for a filing here: decide that first")
    if record.number and record.number_kind == "filing" and filing and filing.number != record.number:
        raise Rejected("other_number", "number", f"this operator's filing in the province is {filing.number}")
    target = known or (filing if record.number is None else None)
    if target is None:
        target = _new(batch, operator, record)
    last = batch.seen.ordinals.get(target.id, _last(batch, target)) + 1
    if last > MOST_SITES:
        raise Rejected("too_many_sites", "number", f"a number can have {MOST_SITES} sites at most")
    batch.seen.ordinals[target.id] = last


def _filing(batch: Batch, operator: Operator) -> Registration | None:
    if operator.id in batch.seen.filings:
        return batch.seen.new[batch.seen.filings[operator.id]]
    known = (registration for registration, _ in batch.registered.get(operator.id, ()))
    return next((each for each in known if each.kind == "filing" and each.region == operator.region), None)


def _last(batch: Batch, registration: Registration) -> int:
    known = batch.registered.get(registration.operator_id, ())
    return next((last for each, last in known if each.id == registration.id), 0)


def _new(batch: Batch, operator: Operator, record: Record) -> Registration:
    """A registration that the register does not have yet; one without a number gets the next later."""
    new = Registration(
        uuid7(), 1, operator.id, record.number_kind, record.level, operator.region, Status.ACTIVE, record.number, None,
        None, None, None, batch.who.person, False, batch.at, batch.at,
    )  # fmt: skip
    batch.seen.new[new.id] = new
    if new.kind == "filing":
        batch.seen.filings[operator.id] = new.id
    if record.number:
        batch.seen.numbered[record.number] = new
    return new


async def _enter(rt: Runtime, tx: Tx, batch: Batch, accepted: Sequence[tuple[Record, Candidate]]) -> None:
    await accesses.lock(tx, {ip for _, candidate in accepted for each in candidate.accesses for ip in each.ips})
    await _number(rt, tx, batch)  # after names and addresses, as everybody does
    drawn: Counter[UUID] = Counter()
    entered: list[tuple[OwnedSite, Sequence[Name]]] = []
    for record, candidate in accepted:
        operator = _operator(batch, record)
        registration = _registration_of(batch, operator, record)
        drawn[registration.id] += 1
        site = Site(
            uuid7(), 1, registration.id, _last(batch, registration) + drawn[registration.id], record.site_name,
            record.service_items, SiteStatus.LIVE, batch.at, tuple(name.ascii for name in record.names),
            candidate.accesses, (),
        )  # fmt: skip
        entered.append((OwnedSite(site, registration, operator), record.names))
    await operators.enter_many(tx, list(batch.seen.new_operators.values()))
    lost = await imports.enter(tx, list(batch.seen.new.values()), entered, batch.seen.ordinals, batch.at)
    if lost:
        raise TryAgain(retry_after=1)  # somebody was given one of these addresses meanwhile: look again
    for operator in batch.seen.new_operators.values():
        operators.MOVES.began(tx, operator, "import", who=batch.who, why=WHY, at=batch.at)
    for registration in batch.seen.new.values():
        registrations.MOVES.began(tx, registration, "import", who=batch.who, why=WHY, at=batch.at)
    await writing.tell(tx, rt, [owned for owned, _ in entered], cause=CAUSE, at=batch.at)
    batch.outcome.accepted = len(entered)
    if batch.keeps_all:
        batch.outcome.taken += [
            Taken(record.row.number, "accepted", owned.site.id, owned.number)
            for (record, _), (owned, _) in zip(accepted, entered, strict=True)
        ]


def _registration_of(batch: Batch, operator: Operator, record: Record) -> Registration:
    if record.number:
        known = batch.seen.numbered[record.number]
        return batch.seen.new.get(known.id, known)
    filing = _filing(batch, operator)
    if filing is None:
        raise TypeError(f"line {record.row.number} was accepted without a registration")
    return filing


async def _number(rt: Runtime, tx: Tx, batch: Batch) -> None:
    """Give new registrations their numbers, and keep the counters beyond the numbers that came along."""
    await _respect(tx, batch.seen.new.values(), rt)
    nameless = [new for new in batch.seen.new.values() if new.number is None]
    for region, count in sorted(Counter(new.region for new in nameless).items()):
        last = await registrations.next_number(tx, region, "filing", count)
        short = rt.rules.provinces[region].short
        of_region = [new for new in nameless if new.region == region]
        for serial, new in enumerate(of_region, last - count + 1):
            batch.seen.new[new.id] = new.with_number(format_number(short, "filing", serial, rules=rt.rules))


async def _respect(tx: Tx, new: Iterable[Registration], rt: Runtime) -> None:
    highest: dict[tuple[str, str], int] = {}
    for registration in new:
        if registration.number is not None:
            key = registration.region, registration.kind
            highest[key] = max(highest.get(key, 0), registration.serial(rt.rules))
    for (region, kind), serial in sorted(highest.items()):
        await registrations.never_below(tx, region, kind, serial)
