"""Whoever took operators over reads and answers what those do, but for what each has by itself (docs/adr/0015)."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

from tests.integration.sweep.asking import listed
from tests.integration.sweep.world import Kind, Record, World, undone

SURVIVOR: Final = "91110000MA00000021"
CODE: Final = re.compile(r"[0-9A-Z]{18}")
ITS_OWN: Final[Mapping[str, str]] = {
    "/name-subscriptions": "a secret, and an address that somebody chose",
    "/mergers": "each of the two answers for itself, and nobody inherits what others are merged",
}
"""What begins so is not passed on, and why."""
NOT_DONE: Final[Mapping[str, str]] = {
    "withdraw_appeal": "what the old one filed it takes back itself",
    "withdraw": "what the old one asked for it takes back itself; what was moved is the survivor's own",
    "deregister": "what was moved is the survivor's own",
    "undo": "the same",
}
"""What the survivor is not offered although the old one is, and why."""


async def test_whoever_took_operators_over_reads_what_those_read_and_nobody_else_does(world: World) -> None:
    codes = {code for kind in world.kinds for record in kind.records for code in _codes(record)}
    assert SURVIVOR not in codes
    async with undone(world.api.rt.db):
        async with world.api.rt.db.connection() as tx:
            kept = {str(row["id"]) for row in await tx.fetch("SELECT id FROM notice WHERE about_kind = 'merger'")}
        wrong = [said for kind in world.kinds async for said in _differs(world, kind, codes, kept)]
    world.api.rt.directory.load_mergers({})
    assert not wrong, "\n".join(wrong)


async def _differs(world: World, kind: Kind, codes: set[str], kept: set[str]) -> AsyncIterator[str]:
    own = any(each.startswith(path) for path in ITS_OWN for each in (*kind.reads, kind.lists))
    mergers = world.api.rt.directory
    mergers.load_mergers({SURVIVOR: frozenset(codes)})
    if kind.lists:
        _, items = await listed(world, kind.lists, _who(SURVIVOR), kind.headers)
        old = set[str]()
        for code in codes:
            old |= {each[kind.key] for each in (await listed(world, kind.lists, _who(code), kind.headers))[1]}
        if {each[kind.key] for each in items} != (set() if own else old - kept):
            yield f"{kind.lists} shows {len(items)} to the one, {len(old)} to the others"
    for record in kind.records:
        for code in _codes(record):
            mergers.load_mergers({SURVIVOR: frozenset({code})})
            async for said in _reads(world, kind, record, code, own=own or record.id in kept):
                yield said


async def _reads(world: World, kind: Kind, record: Record, code: str, *, own: bool) -> AsyncIterator[str]:
    for path in kind.reads:
        was, now = [
            await world.api.get(path.format(**record.at), who=_who(each), headers=kind.headers)
            for each in (code, SURVIVOR)
        ]  # fmt: skip
        if own:
            if now.status_code < 300:
                yield f"{path} is read by who took over"
        elif was.status_code < 300 and now.status_code != was.status_code:
            yield f"{path} answers {now.status_code} instead of {was.status_code} about {record.words}"
        elif was.status_code < 300 and path == kind.reads[0]:
            before, after = _allowed(was), _allowed(now)
            if before - after - {*NOT_DONE} or after - before:
                yield f"{path} allows {after} instead of {before} about {record.words}"


def _codes(record: Record) -> Iterator[str]:
    """The operators in what is so about a record."""
    for value in record.words.values():
        yield from (each for each in (value if isinstance(value, tuple) else (value,))
                    if isinstance(each, str) and CODE.fullmatch(each))  # fmt: skip


def _who(code: str) -> tuple[str, dict[str, Any]]:
    return "applicant", {"organisation": code, "roles": ["operator"]}


def _allowed(answer: Any) -> set[str]:
    is_json = answer.headers.get("content-type", "").startswith("application/json")
    body = answer.json() if is_json else None
    return set(body.get("allowed_actions", ())) if isinstance(body, dict) else set()
