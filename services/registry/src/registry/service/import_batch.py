"""One batch of an import: what is there already is compared, the rest goes in by COPY, all in one transaction."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from registry.lifecycle import Status
from registry.records import site_recorded
from registry.records_in import Record, Rejected, Rejection
from registry.store import imports as import_store
from registry.store import register as store
from registry.store.register import Access, Operator, Registration, Site
from shared.rules.identifiers import format_number
from shared.runtime.acts import history, outbox
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.db.postgres import Tx


@dataclass(slots=True)
class _Register:
    """What the register holds of the things this batch names."""

    regions: dict[UUID, str]
    owners: dict[str, tuple[UUID, str]]
    sites: dict[UUID, Site]
    numbers: dict[str, str]
    dedicated: dict[str, str]
    claimed: dict[str, Record] = field(default_factory=dict)


@dataclass(slots=True)
class _Target:
    """The registration a new site goes under."""

    registration: Registration
    ordinal: int
    new: bool


async def write_batch(
    rt: Runtime, tx: Tx, who: Caller, import_id: UUID, records: Sequence[Record], rejections: Sequence[Rejection]
) -> None:
    """Enter a batch. Raises UniqueViolationError if somebody else enters the same at this moment: try again."""
    now = rt.clock.now()
    register = await _look(tx, records)
    fresh: list[Record] = []
    rejected = list(rejections)
    unchanged = 0
    for record in records:
        try:
            if _is_unchanged(register, record):
                unchanged += 1
            else:
                fresh.append(record)
        except Rejected as error:
            rejected.append(Rejection.of(record.line, error))
    if fresh:
        await _enter(rt, tx, who, register, fresh, now)
    if rejected:
        rows = [(import_id, r.line, r.raw, r.code, r.field, r.message) for r in rejected]
        await tx.copy_records_to_table("import_rejection", records=rows, columns=import_store.REJECTION_COLUMNS)
    await tx.execute(import_store.ADD_PROGRESS, import_id, len(fresh), unchanged, len(rejected), now)


async def _look(tx: Tx, records: Sequence[Record]) -> _Register:
    domains = [domain.ascii for record in records for domain in record.domains]
    providers = await tx.fetch(import_store.PROVIDERS, list({record.provider_id for record in records}))
    owners = await tx.fetch(import_store.OWNERS, domains)
    site_ids = list({row["site_id"] for row in owners})
    sites = await tx.fetch(store.SITES + " WHERE s.id = ANY ($1::uuid[])", site_ids) if site_ids else []
    given = [record.number for record in records if record.number]
    numbers = await tx.fetch(import_store.NUMBERS, given) if given else []
    dedicated = await tx.fetch(import_store.DEDICATED, list({ip for record in records for ip in record.ips}))
    return _Register(
        regions={row["id"]: row["region"] for row in providers},
        owners={row["domain"]: (row["site_id"], row["uscc"]) for row in owners},
        sites={row["id"]: store.site_of(row) for row in sites},
        numbers={row["number"]: row["uscc"] for row in numbers},
        dedicated={row["ip"]: row["uscc"] for row in dedicated},
    )


def _is_unchanged(register: _Register, record: Record) -> bool:
    """Whether the register has just this already. Raises Rejected if it has something else, or cannot have this."""
    if record.provider_id not in register.regions:
        raise Rejected("unknown_provider", "provider_id", f"no licensed provider {record.provider_id} is known")
    if record.number and register.numbers.setdefault(record.number, record.uscc) != record.uscc:
        raise Rejected("number_taken", "number", f"{record.number} belongs to another operator")
    for ip in record.ips:
        if register.dedicated.get(ip, record.uscc) != record.uscc:
            raise Rejected("address_taken", "ips", f"{ip} belongs to a dedicated server of another operator")
    known = None
    for domain in record.domains:
        if (owner := register.owners.get(domain.ascii)) is not None:
            if owner[1] != record.uscc:
                raise Rejected("domain_taken", "domain", f"{domain.ascii} is registered to another operator")
            known = register.sites[owner[0]]
        elif (earlier := register.claimed.get(domain.ascii)) is not None:
            if earlier.uscc != record.uscc:
                raise Rejected(
                    "domain_taken", "domain", f"{domain.ascii} is in line {earlier.line.number} for another operator"
                )
            return _same(record, _values(earlier), domain.ascii)
    if known is not None:
        access = known.accesses[0]
        values = (
            known.name,
            set(known.domains),
            known.service_items,
            access.provider_id,
            access.ips,
            access.hosting_mode,
        )
        return _same(record, values, record.domains[0].ascii)
    for domain in record.domains:
        register.claimed[domain.ascii] = record
    if record.hosting_mode == "dedicated":
        register.dedicated.update(dict.fromkeys(record.ips, record.uscc))
    return False


def _values(record: Record) -> tuple[object, ...]:
    domains = {domain.ascii for domain in record.domains}
    return record.site_name, domains, record.service_items, record.provider_id, record.ips, record.hosting_mode


def _same(record: Record, known: tuple[object, ...], domain: str) -> bool:
    if _values(record) != known:
        raise Rejected("differs", "domain", f"{domain} is registered with other values; amend that site instead")
    return True


async def _enter(
    rt: Runtime, tx: Tx, who: Caller, register: _Register, records: Sequence[Record], now: datetime
) -> None:
    operators = await _operators(tx, records, now)
    targets = await _targets(rt, tx, records, operators, now)
    added: list[tuple[Registration, Site]] = []
    for record in records:
        target = targets[record.uscc, record.number]
        target.ordinal += 1
        access = Access(
            uuid7(), record.provider_id, record.ips, record.hosting_mode, register.regions[record.provider_id]
        )
        domains = tuple(domain.ascii for domain in record.domains)
        site = Site(
            uuid7(),
            target.registration.id,
            target.ordinal,
            record.site_name,
            record.service_items,
            1,
            now,
            domains,
            (access,),
        )
        added.append((target.registration, site))
    new = {target.registration.id: target.registration for target in targets.values() if target.new}
    await _copy(tx, new.values(), added, records)
    _remember(tx, who, new, now)
    outbox.add(tx, *(site_recorded(registration, site, changed_at=now) for registration, site in added), at=now)


async def _operators(tx: Tx, records: Sequence[Record], now: datetime) -> dict[str, Operator]:
    """Every operator the batch names, locked; those that are new are entered."""
    named = {record.uscc: record for record in records}
    await tx.execute(
        import_store.INSERT_OPERATORS, [uuid7() for _ in named], list(named), [r.operator_name for r in named.values()],
        [r.operator_kind for r in named.values()], [r.region for r in named.values()], now,
    )  # fmt: skip
    rows = await tx.fetch(import_store.LOCK_OPERATORS, list(named))
    return {row["uscc"]: store.operator_of(row) for row in rows}


async def _targets(
    rt: Runtime, tx: Tx, records: Sequence[Record], operators: dict[str, Operator], now: datetime
) -> dict[tuple[str, str | None], _Target]:
    """The registration for each (operator, number): the given number, else the operator's filing, else a new one."""
    targets: dict[tuple[str, str | None], _Target] = {}
    for row in await tx.fetch(import_store.ACTIVE_REGISTRATIONS, list(operators)):
        registration = _registration(row["id"], operators[row["uscc"]], row["kind"], row["level"], row["number"], now)
        target = _Target(registration, row["ordinal"], new=False)
        targets[row["uscc"], row["number"]] = target
        if row["kind"] == "filing":
            targets.setdefault((row["uscc"], None), target)
    missing = {(r.uscc, r.number): r for r in records if (r.uscc, r.number) not in targets}
    numbers = await _issue(rt, tx, [r for r in missing.values() if r.number is None], operators)
    await _respect(tx, [r for r in missing.values() if r.number is not None], operators)
    for (uscc, number), record in missing.items():
        issued = number or numbers[uscc]
        registration = _registration(uuid7(), operators[uscc], record.number_kind, "province", issued, now)
        targets[uscc, number] = _Target(registration, 0, new=True)
    return targets


def _registration(
    registration_id: UUID, operator: Operator, kind: str, level: str, number: str, now: datetime
) -> Registration:
    return Registration(
        registration_id, operator, kind, level, operator.region, Status.ACTIVE, number, 1, None, None, None, now, now
    )


async def _issue(rt: Runtime, tx: Tx, records: Iterable[Record], operators: dict[str, Operator]) -> dict[str, str]:
    """The next filing number of the operator's province for each record's operator; one counter update per province."""
    wanted = [operators[record.uscc] for record in records]
    numbers: dict[str, str] = {}
    for region, count in sorted(Counter(operator.region for operator in wanted).items()):
        last = await tx.fetchval(store.NEXT_NUMBER, region, "filing", count)
        short = rt.rules.provinces[region].short
        for offset, operator in enumerate(operator for operator in wanted if operator.region == region):
            numbers[operator.uscc] = format_number(short, "filing", last - count + 1 + offset)
    return numbers


async def _respect(tx: Tx, records: Iterable[Record], operators: dict[str, Operator]) -> None:
    """Numbers that came with the records are never issued again: move the counters past them."""
    highest: dict[tuple[str, str], int] = {}
    for record in records:
        if record.serial is not None:
            key = operators[record.uscc].region, record.number_kind
            highest[key] = max(highest.get(key, 0), record.serial)
    for (region, kind), serial in sorted(highest.items()):
        await tx.execute(import_store.RAISE_COUNTER, region, kind, serial)


async def _copy(
    tx: Tx, new: Iterable[Registration], added: Sequence[tuple[Registration, Site]], records: Sequence[Record]
) -> None:
    registrations = [
        (r.id, r.operator.id, r.kind, r.level, r.region, r.status, r.number, r.submitted_at, r.changed_at) for r in new
    ]
    sites = [(s.id, s.registration_id, s.ordinal, s.name, list(s.service_items), s.changed_at) for _, s in added]
    domains = [
        (domain.ascii, domain.raw, site.id, place)
        for (_, site), record in zip(added, records, strict=True)
        for place, domain in enumerate(record.domains, 1)
    ]
    accesses = [
        (a.id, site.id, 1, a.provider_id, list(a.ips), a.hosting_mode, a.region)
        for _, site in added
        for a in site.accesses
    ]
    dedicated = {
        ip: (ip, site.id, registration.operator.id)
        for registration, site in added
        for access in site.accesses
        if access.hosting_mode == "dedicated"
        for ip in access.ips
    }
    await tx.copy_records_to_table("registration", records=registrations, columns=import_store.REGISTRATION_COLUMNS)
    await tx.copy_records_to_table("site", records=sites, columns=import_store.SITE_COLUMNS)
    await tx.copy_records_to_table("site_domain", records=domains, columns=import_store.DOMAIN_COLUMNS)
    await tx.copy_records_to_table("access", records=accesses, columns=import_store.ACCESS_COLUMNS)
    for row in dedicated.values():
        await tx.execute(store.INSERT_DEDICATED, [row[0]], row[1], row[2])


def _remember(tx: Tx, who: Caller, new: Iterable[UUID], now: datetime) -> None:
    for registration_id in new:
        history.add(
            tx, aggregate="registration", aggregate_id=registration_id, action="import", from_status=None,
            to_status=Status.ACTIVE, who=who, why="Entered from an existing register", at=now,
        )  # fmt: skip
