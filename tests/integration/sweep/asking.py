"""Asks a world as everybody, and says what it answers otherwise than the world says it must."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from shared.runtime.web.paging import MOST
from tests.integration.sweep.everybody import Named, caller, everybody, named, office
from tests.integration.sweep.world import Kind, NoRole, Record, Verb, Words, World, undone
from tests.support.service import Who

Views = Mapping[str, Mapping[str, Any]]
"""Records as somebody reads them, by id."""


def may(rule: Any, who: Named, words: Words) -> bool | None:
    """Whether somebody may; none, where no role of theirs may with any record."""
    try:
        return bool(rule(caller(who), words))
    except NoRole:
        return None


def code(answer: Any) -> str:
    """Why it says no."""
    return str(answer.json().get("code")) if answer.status_code >= 400 else ""


# --- reading ---------------------------------------------------------------------------------------------------------


async def listed(world: World, path: str, who: Named, headers: Mapping[str, str]) -> tuple[int, list[Any]]:
    """The status of a list, and all its items, page after page."""
    found, after = [], ""
    mark = "&" if "?" in path else "?"
    while True:
        answer = await world.api.get(f"{path}{mark}limit={MOST}{after}", who=who, headers=headers)
        if answer.status_code != 200:
            return answer.status_code, []
        page = answer.json()
        if isinstance(page, list):
            return 200, page
        found += page["items"]
        if page["next"] is None:
            return 200, found
        after = f"&after={page['next']}"


def distinct(kind: Kind, people: Sequence[Named]) -> list[str]:
    """One record of each of those that the same people may read."""
    found: dict[tuple[Any, ...], str] = {}
    for record in kind.records:
        rights = [(may(kind.may, who, record.words), kind.denied(caller(who), record.words)) for who in people]
        found.setdefault(tuple(rights), record.id)
    return list(found.values())


async def misread(world: World, kind: Kind, who: Named, each_of: Sequence[str]) -> AsyncIterator[str]:
    """Where lists show somebody what they must not, or not what they must; and where each of these records does."""
    rights = {record.id: may(kind.may, who, record.words) for record in kind.records}
    known, seen = {record.id: record for record in kind.records}, dict[str, Any]()
    if kind.lists:
        status, items = await listed(world, kind.lists, who, kind.headers)
        seen = {str(item[kind.key]): item for item in items}
        expected = 403 if None in rights.values() else 200
        if status != expected:
            yield f"{kind.lists} answers {status} instead of {expected}"
        for each, right in rights.items():
            if (each in seen) is not bool(right):
                yield f"{kind.lists} {'shows' if each in seen else 'does not show'} {known[each].words}"
    for each in each_of:
        right = rights[each]
        for path in kind.finds:
            status, items = await listed(world, path.format(**known[each].at), who, kind.headers)
            shown = [str(item[kind.key]) for item in items]
            if (status, shown) != (403 if right is None else 200, [each] if right else []):
                yield f"{path} answers {status} with {shown} about {known[each].words}"
        for path in kind.reads:
            answer = await world.api.get(path.format(**known[each].at), who=who, headers=kind.headers)
            expected = 200 if right else kind.denied(caller(who), known[each].words)
            if answer.status_code != expected:
                yield f"{path} answers {answer.status_code} instead of {expected} about {known[each].words}"
            elif right and path == kind.reads[0] and each in seen and "allowed_actions" in seen[each]:
                among, alone = seen[each]["allowed_actions"], answer.json()["allowed_actions"]
                if among != alone:
                    yield f"{kind.lists} allows {among}, {path} {alone} with {known[each].words}"


async def misreadings(world: World) -> list[str]:
    """What everybody is shown wrongly; reading changes nothing, not even that a notice was opened.

    Every person asks every list, and one of each office a record of each sort.
    """
    wrong, offices, people = [], set[Any](), everybody(*world.others)
    sorts = [distinct(kind, people) for kind in world.kinds]
    for who in people:
        first = office(who) not in offices
        offices.add(office(who))
        for kind, each_of in zip(world.kinds, sorts, strict=True):
            async with undone(world.api.rt.db):
                wrong += [f"{who}: {said}" async for said in misread(world, kind, who, each_of if first else ())]
    return wrong


# --- doing -----------------------------------------------------------------------------------------------------------


def subjects(kind: Kind) -> list[Record]:
    """The records that verbs are asked about."""
    return [record for record in kind.records if record.status is not None] or list(kind.records[:1])


async def view(world: World, kind: Kind, record: Record, who: Who) -> dict[str, Any]:
    """A record as somebody reads it; empty for who may not, and where nothing shows it."""
    if not kind.reads:
        return {}
    answer = await world.api.get(kind.reads[0].format(**record.at), who=who, headers=kind.headers)
    is_json = answer.headers.get("content-type", "").startswith("application/json")
    return dict(answer.json()) if answer.status_code == 200 and is_json else {}


async def do(world: World, verb: Verb, record: Record, shown: Mapping[str, Any], who: Who) -> Any:
    """Let somebody do it."""
    body = verb.body(record, shown) if callable(verb.body) else verb.body
    given: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
    path = verb.path.format(**record.at)
    return await world.api.request(verb.method, path, who=who, headers=verb.headers(shown), **given)


def unfit(verb: Verb, answer: Any, *, allowed: bool, hidden: int) -> str:
    """What is wrong about the answer to somebody to whom it is allowed or not.

    ``hidden``: with what reading it is answered to who may not; 0 for who reads it, and may be told of its state.
    """
    status, why = answer.status_code, code(answer)
    if allowed:
        right = status < 300 or (status == 409 and why in verb.waits)
    elif why == "role_missing" or why in verb.closed:
        right = True
    else:  # whoever learns nothing of a record by reading learns nothing by acting either
        right = status in {hidden, 404} if hidden else status in {403, 404, 409}
    return "" if right else f"{verb.action or verb.route} answers {status} {why}"


async def misdone(world: World, kind: Kind, done: set[tuple[str, Any]]) -> AsyncIterator[str]:
    """Where somebody is allowed what is then refused, or can do what nobody allowed; adds to ``done`` what was done."""
    written = await _views(world, kind, kind.author, subjects(kind))
    telling = [_with(kind, verb)[True] for verb in kind.verbs]
    offices: dict[Any, Views] = {}
    for who in everybody(*world.others):
        colleague = offices.get(office(who))
        if colleague is not None and not any(map(_allows, colleague.values())):
            continue
        views = await _views(world, kind, who, telling)
        if any(map(_allows, views.values())):
            views |= await _views(world, kind, who, subjects(kind))
        offices.setdefault(office(who), views)
        for verb, record in _tries(kind, views, colleague, len(offices)):
            mine = views.get(record.id, {})
            allowed = _allowed(kind, verb, record, who, mine)
            if allowed is None:
                continue
            answer = await _tried(world, verb, record, written.get(record.id, {}), who)
            if answer.status_code < 300:
                done.add((verb.route, verb.action))
            hidden = 0 if mine else kind.denied(caller(who), record.words)
            if wrong := unfit(verb, answer, allowed=allowed, hidden=hidden):
                is_it = "is" if allowed else "is not"
                yield f"{who}, to whom it {is_it} allowed: {wrong} with {record.status} {record.words}"


def _allows(shown: Mapping[str, Any]) -> list[str]:
    return list(shown.get("allowed_actions", ()))


def _tries(kind: Kind, views: Views, colleague: Views | None, turn: int) -> Iterator[tuple[Verb, Record]]:
    """What somebody tries: whoever is allowed something, everything with every record they read; others a verb once.

    ``colleague``: how the first of the same office reads the records; who is allowed the same tries that alone.
    """
    for verb in kind.verbs:
        two = _with(kind, verb)
        if not any(map(_allows, views.values())):  # to strangers no state is an answer, so any will do
            yield verb, (two.get(turn % 2 == 0 or bool(views)) or two[True])
            continue
        for record in subjects(kind):
            allows = _allows(views.get(record.id, {}))
            same = colleague is not None and _allows(colleague.get(record.id, {})) == allows
            if (record.id in views and not same) or verb.action in allows or record is two[True]:
                yield verb, record


def _with(kind: Kind, verb: Verb) -> dict[bool, Record]:
    """A record with which a verb is possible, and one with which it is not."""
    return {record.status is None or kind.possible(verb, record.status): record for record in subjects(kind)[::-1]}


async def _views(world: World, kind: Kind, who: Who, records: Sequence[Record]) -> dict[str, Mapping[str, Any]]:
    """These records as somebody reads them who may."""
    if who is None or not kind.reads:
        return {}
    async with undone(world.api.rt.db):
        return {
            record.id: await view(world, kind, record, who)
            for record in records
            if may(kind.may, named(who), record.words)
        }


def _allowed(kind: Kind, verb: Verb, record: Record, who: Named, mine: Mapping[str, Any]) -> bool | None:
    """Whether somebody is told that they may, or may by the words of the world; none, where only the state says no."""
    if verb.action is not None:
        return verb.action in mine.get("allowed_actions", ())
    assert verb.may is not None, f"{verb.route}: say who may"
    allowed = bool(may(verb.may, who, record.words))
    return None if allowed and record.status is not None and not kind.possible(verb, record.status) else allowed


async def _tried(world: World, verb: Verb, record: Record, written: Mapping[str, Any], who: Named) -> Any:
    if not verb.joins:
        return await do(world, verb, record, written, who)
    async with undone(world.api.rt.db):
        return await do(world, verb, record, written, who)


async def misdoings(world: World) -> list[str]:
    """What everybody is allowed or refused wrongly; and what nobody could do at all, which would prove nothing."""
    wrong, done = [], set[tuple[str, Any]]()
    for kind in (each for each in world.kinds if each.verbs):
        wrong += [said async for said in misdone(world, kind, done)]
        wrong += [
            f"nobody did {verb.action or verb.route}" for verb in kind.verbs if (verb.route, verb.action) not in done
        ]
    return wrong
