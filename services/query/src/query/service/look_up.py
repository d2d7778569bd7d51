"""Look one key up: the full record for officials, audited first, or the public fields for everybody."""

from dataclasses import dataclass
from typing import Any

import msgspec

from query.errors import AddressesAreOfficial, KeyMalformed, PurposeRequired
from query.lookup import keys
from query.lookup.freshness import Freshness
from query.lookup.keys import Asked
from query.lookup.point import Finder, Hit, Unlisted, group
from query.policy import POLICY, Act
from query.public import register
from query.service.state import model_of
from query.store import lookups
from shared.contracts.http.query import By
from shared.rules.identifiers import InvalidIdentifier
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Key:
    """What is looked up. ``field``: the parameter it came in."""

    by: By
    text: str
    field: str

    def read(self) -> Asked:
        """The key in its one form. Raises KeyMalformed (422)."""
        try:
            return keys.read(self.text, self.by)
        except InvalidIdentifier as wrong:
            raise KeyMalformed.field(self.field, wrong.message, reason=wrong.message) from wrong


async def look_up(rt: Runtime, who: Caller, key: Key, purpose: str | None) -> bytes:
    """The full record for one key, as JSON. Raises Forbidden, PurposeRequired, KeyMalformed, ReadModelOutdated."""
    POLICY.require(who, Act.LOOK_UP)
    if purpose is None:
        raise PurposeRequired
    asked = key.read()
    hit, freshness = _find(rt, asked)
    async with rt.db.transaction() as tx:
        await lookups.add_one(
            tx,
            uuid7(),
            who,
            purpose=purpose,
            by=key.by,
            key=key.text,
            terms=asked.terms,
            found=hit.total if isinstance(hit, Hit) else 0,
            as_of=freshness.as_of,
            at=rt.clock.now(),
        )
    head = _head(key, hit, freshness)
    if isinstance(hit, Hit):
        return _encode(head)[:-1] + b"," + hit.body[:-1]
    return _encode(head | ({"unregistered": hit.site} if hit is not None else {}))


async def look_up_in_public(rt: Runtime, key: Key) -> bytes:
    """The public fields for a domain or a number, as JSON. Raises AddressesAreOfficial, KeyMalformed."""
    if key.by is By.IP or (asked := key.read()).by is By.IP:
        raise AddressesAreOfficial.field(key.field, "needs an official's token; look up a domain or a number instead")
    hit, freshness = _find(rt, asked)
    head = _head(key, hit, freshness)
    if isinstance(hit, Hit):
        return _encode(head | register.answer(group(hit)))
    return _encode(head | (register.answer_unregistered(hit.site) if hit is not None else {}))


def _find(rt: Runtime, asked: Asked) -> tuple[Hit | Unlisted | None, Freshness]:
    model = model_of(rt)
    with model.reading() as txn:
        return Finder(model, txn).find_any(asked), Freshness(model.as_of_in(txn), rt.clock.now())


def _head(key: Key, hit: Hit | Unlisted | None, freshness: Freshness) -> dict[str, Any]:
    matched = {"matched": hit.matched} if hit and hit.matched else {}
    return {"found": isinstance(hit, Hit), "key": key.text, **matched, **freshness.members()}
