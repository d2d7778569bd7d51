"""What a provider hosts, as it says itself: lists sent whole, in numbered batches, which hold when they are closed.

Each record is read alone; one that is wrong is refused and stops no other. A batch that is sent again, byte for byte,
changes nothing and is answered as before.
"""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from math import ceil
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from registry.errors import InvalidValues, NotWhole, OtherBatch, OutOfSequence, ProviderNotActive, TooManyClosings
from registry.policy import POLICY, Act
from registry.service import looks
from registry.service.reconciling import RECONCILE
from registry.store import copies, inventories
from registry.store.inventories import Batch, Inventory, Listed
from shared.contracts.base import Text
from shared.contracts.http.batches import FieldFound
from shared.contracts.http.hosted import BatchView, Hosted, InventoryBatch, RecordResult
from shared.contracts.http.preflights import Question
from shared.rules import Rules
from shared.rules.identifiers import InvalidIdentifier, hosting_address, normalise_domain, parse_number
from shared.runtime.acts import deadlines
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.db.postgres import Tx
from shared.runtime.web.route import LONGEST_NAME

MOST_FAULTS: Final = 20
DAY: Final = timedelta(days=1)
_TEXT: Final = TypeAdapter(Text)
TWICE: Final = "The list has this name already: name each once, with all its addresses."


async def take(tx: Tx, rt: Runtime, who: Caller, provider_id: UUID, body: InventoryBatch, content: bytes) -> BatchView:
    """Take the next batch of a provider; its bytes are what it is known by. One that closed says that it hosts nothing.

    Raises Forbidden (403); ProviderNotActive, OutOfSequence, OtherBatch, NotWhole (409); TooManyClosings (429).
    """
    provider = await copies.hosting(tx, provider_id)
    POLICY.require(who, Act.SEND_INVENTORY, provider)
    if provider.status == copies.UNKNOWN:
        raise ProviderNotActive(provider_id=provider_id)
    at, digest = rt.clock.now(), hashlib.sha256(content).digest()
    known = await inventories.hold(tx, provider_id, at)
    if body.sequence < known.next_sequence:
        return await _again(tx, known, body.sequence, digest)
    if body.sequence > known.next_sequence:
        raise OutOfSequence(next=known.next_sequence)
    if body.close is not None:
        return await _close(tx, rt, known, body, digest)
    first = known.sending if known.sending is not None and not body.anew else body.sequence
    records = body.records or ()
    listed, refused = await _read(tx, rt.rules, provider_id, first, records)
    taken = Batch(body.sequence, first, digest, len(records), closes=False, refused=refused)
    unread = [name for each in refused if (name := _name_of(records[each["index"]])) is not None]
    await inventories.take(tx, known, taken, listed, unread, at)
    return _view(taken)


async def _again(tx: Tx, known: Inventory, sequence: int, digest: bytes) -> BatchView:
    before = await inventories.batch(tx, known.provider_id, sequence)
    if before is None:  # of a list that holds no more
        raise OutOfSequence(next=known.next_sequence)
    if before.hash != digest:
        raise OtherBatch(sequence=sequence, next=known.next_sequence)
    return _view(before)


async def _close(tx: Tx, rt: Runtime, known: Inventory, body: InventoryBatch, digest: bytes) -> BatchView:
    assert body.close is not None
    at, sent = rt.clock.now(), await sent_of(tx, known)
    records, over = sum(each.records for each in sent), hash_of(sent)
    if (body.close.records, body.close.hash) != (records, over):
        raise NotWhole(records=records)
    lately, most = [each for each in known.closings if each > at - DAY], rt.settings.inventory_closings_per_day
    if len(lately) >= most:
        raise TooManyClosings(retry_after=ceil((lately[-most] + DAY - at).total_seconds()))
    first = known.sending if known.sending is not None else body.sequence
    taken = Batch(body.sequence, first, digest, 0, closes=True, refused=[])
    await inventories.close(tx, known, taken, over, [*lately, at], at)
    await deadlines.met(tx, RECONCILE, known.provider_id, at)
    await deadlines.start_in(tx, RECONCILE, known.provider_id, 0, at=at)
    return _view(taken)


async def sent_of(tx: Tx, known: Inventory) -> list[Batch]:
    """The batches of the list that is being sent."""
    return await inventories.batches(tx, known.provider_id, known.sending) if known.sending is not None else []


def hash_of(sent: Sequence[Batch]) -> str:
    """What the closing of these batches says as their hash."""
    return hashlib.sha256(b"".join(each.hash for each in sent)).hexdigest()


async def _read(
    tx: Tx, rules: Rules, provider_id: UUID, first: int, records: Sequence[Any]
) -> tuple[list[Listed], list[dict[str, Any]]]:
    """The records in the register's own forms, and those that are refused."""
    read: dict[int, Listed] = {}
    refused: dict[int, RecordResult] = {}
    for index, record in enumerate(records):
        try:
            read[index] = listed_of(rules, Hosted.model_validate(record))
        except (ValidationError, InvalidValues) as error:
            refused[index] = RecordResult(
                index=index, status="refused", code="invalid", message="Not valid.", fields=faults_of(error)
            )
    there = await inventories.there(tx, provider_id, first, [each.host for each in read.values()])
    for index, each in list(read.items()):
        if each.host in there:
            refused[index] = RecordResult(index=index, status="refused", code="listed_twice", message=TWICE)
            del read[index]
        there.add(each.host)
    return list(read.values()), [refused[index].model_dump(mode="json") for index in sorted(refused)]


def _name_of(record: Any) -> str | None:
    """The name of a record that was refused, if that can be read: its list has it, whatever else is wrong."""
    try:
        return normalise_domain(_TEXT.validate_python(record.get("host") if isinstance(record, dict) else None)).ascii
    except (ValidationError, InvalidIdentifier):
        return None


def listed_of(rules: Rules, record: Hosted | Question) -> Listed:
    """A record, or what is asked about, in the register's own forms. Raises InvalidValues naming each wrong member."""
    wrong: list[dict[str, str]] = []
    host, above, ips, number = "", tuple[str, ...](), list[str](), None
    try:
        domain = normalise_domain(record.host)
        host, above = domain.ascii, (domain.ascii, *domain.above)
    except InvalidIdentifier as error:
        wrong.append({"field": "host", "message": error.message})
    for place, raw in enumerate(record.ips):
        try:
            ips.append(hosting_address(raw, rules).normal)
        except InvalidIdentifier as error:
            wrong.append({"field": f"ips.{place}", "message": error.message})
    try:
        number = parse_number(record.number, rules).registration if record.number is not None else None
    except InvalidIdentifier as error:
        wrong.append({"field": "number", "message": error.message})
    if wrong:
        raise InvalidValues(wrong)
    return Listed(host, above, tuple(dict.fromkeys(ips)), number, record.hosting_mode, getattr(record, "since", None))


def faults_of(error: ValidationError | InvalidValues) -> list[FieldFound]:
    """Which members of a record are wrong, the first of them; their names are strangers' texts."""
    if isinstance(error, InvalidValues):
        return [FieldFound.model_validate(each) for each in error.values["fields"][:MOST_FAULTS]]
    return [
        FieldFound(field=_safe(".".join(map(str, each["loc"]))) or "record", message=each["msg"])
        for each in error.errors(include_url=False, include_input=False)[:MOST_FAULTS]
    ]


def _safe(name: str) -> str:
    cut = name[:LONGEST_NAME]
    return cut if cut.isprintable() else cut.encode("unicode_escape").decode("ascii")


def _view(taken: Batch) -> BatchView:
    refused = {each["index"]: RecordResult.model_validate(each) for each in taken.refused}
    results = [refused.get(n) or RecordResult(index=n, status="taken") for n in range(taken.records)]
    return BatchView(
        sequence=taken.sequence, taken=taken.records - len(refused), refused=len(refused), results=results,
        closed=taken.closes,
    )  # fmt: skip


async def get(tx: Tx, rt: Runtime, who: Caller, provider_id: UUID) -> tuple[Inventory, list[Batch]]:
    """Where the lists of a provider stand, and the batches of the one being sent. An official's look leaves an audit
    row. Raises Forbidden (403)."""
    provider = await copies.hosting(tx, provider_id)
    POLICY.require(who, Act.READ_INVENTORY, provider)
    await looks.at_one(tx, rt, who, Act.READ_INVENTORY, f"/inventories/{provider_id}", provider.provider)
    known = await inventories.get(tx, provider_id)
    if known is None:
        return Inventory(provider_id, 1, None, None, None, None, 0, None, None, None, ()), []
    return known, await sent_of(tx, known)
