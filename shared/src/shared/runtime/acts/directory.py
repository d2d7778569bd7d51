"""This service's copy of the directory of organisations, in memory: what every request and many verbs ask it.

The table is kept by ``project`` from the coordination office's facts; each process holds all of it (some hundreds of
organisations) and reads it again when a transaction that changed it commits. A request asks the memory alone.

Beside it lies which operators go on under another identity, since the registry merged them (docs/adr/0015): whoever
signs in for one is told of, and answers for, what was said to those that it took over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import structlog

from shared.contracts.directory import Organisation, OrganisationRecordedV1
from shared.contracts.grounds import AuthorityRef
from shared.contracts.registry import MergerRecordedV1
from shared.rules import Level, Role, Rules
from shared.runtime.base.clock import Clock
from shared.runtime.base.context import Caller
from shared.runtime.base.problems import Conflict, Forbidden
from shared.runtime.db.at_commit import notify_at_commit
from shared.runtime.db.postgres import Database, Tx

if TYPE_CHECKING:
    from shared.runtime.acts.runtime import Runtime

CHANNEL: Final = "organisation"
POLL_S: Final = 10.0
ANSWER_S: Final = 5.0
PAUSE_S: Final = 1.0
OUTSIDE: Final = frozenset({Role.OPERATOR, Role.ACCESS_PROVIDER})
"""Roles of those whom the directory does not list: their organisation is their identity key, or their provider's id."""

STATE = "SELECT count(*) AS organisations, coalesce(sum(version), 0)::bigint AS versions FROM organisation"
RECORDS = "SELECT record::text FROM organisation ORDER BY id"
TAKE_OVER = """
INSERT INTO organisation (id, version, record)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::jsonb[])
ON CONFLICT (id) DO UPDATE SET version = excluded.version, record = excluded.record
 WHERE organisation.version < excluded.version
"""

MERGERS = "SELECT count(*) AS mergers, coalesce(sum(version), 0)::bigint AS versions FROM operator_alias"
TAKEN_OVER = "SELECT survivor, array_agg(merged) AS merged FROM operator_alias WHERE stands GROUP BY survivor"
TAKE_OVER_MERGERS = """
INSERT INTO operator_alias (merger_id, version, merged, survivor, stands)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::boolean[])
ON CONFLICT (merger_id) DO UPDATE SET version = excluded.version, stands = excluded.stands
 WHERE operator_alias.version < excluded.version
"""

_log = structlog.get_logger(__name__)


class OrganisationUnknown(Forbidden):
    """Your organisation ({organisation}) {why}: nobody can act for it until the coordination office enters it."""

    members = frozenset({"organisation"})


class AuthorityMissing(Conflict):
    """The directory of organisations has no {what}: ask the coordination office to enter it."""


class NoIndependentBody(Conflict):
    """The directory has no review body that is independent of everybody who took part: ask the coordination office."""


@lru_cache(maxsize=4096)
def _organisation(record: str) -> Organisation:
    """What a row says; kept, since of the hundreds of them one changes at a time."""
    return Organisation.model_validate_json(record)


@dataclass
class Directory:
    """The organisations as this process last read them. Nothing here waits for the database, but for ``refresh``."""

    clock: Clock
    time_zone: ZoneInfo
    """Competences begin and end with the days of this zone."""
    _organisations: Mapping[str, Organisation] = field(default_factory=dict)
    _taken_over: Mapping[str, frozenset[str]] = field(default_factory=dict)
    _seen: tuple[int, int] = (0, 0)
    _seen_mergers: tuple[int, int] = (0, 0)

    def __len__(self) -> int:
        return len(self._organisations)

    def __iter__(self) -> Iterator[Organisation]:
        return iter(self._organisations.values())

    def get(self, organisation_id: str) -> Organisation | None:
        """The organisation of this id, closed ones too."""
        return self._organisations.get(organisation_id)

    def authority_ref(self, organisation_id: str) -> AuthorityRef:
        """What is copied into an act of this organisation. Raises AuthorityMissing (409)."""
        known = self.get(organisation_id)
        if known is None:
            raise AuthorityMissing(what=f"organisation {organisation_id}")
        return known.ref

    def regulator_of(self, ref: AuthorityRef) -> AuthorityRef:
        """The industry regulator of the same level and region (同级, P3.2.2). Raises AuthorityMissing (409)."""
        return self.regulator(ref.level, ref.region)

    def regulator(self, level: str, region: str | None = None) -> AuthorityRef:
        """The industry regulator of a level; the region counts for provinces only. Raises AuthorityMissing (409)."""
        for known in self:
            if known.active and Role.INDUSTRY_REGULATOR in known.kinds and _stands_with(known, level, region):
                return known.ref
        raise AuthorityMissing(what=f"industry regulator {_place(level, region)}")

    def competent(self, item: str, level: str, region: str | None = None) -> AuthorityRef:
        """The sector regulator competent for a service item at this level today; the region counts for provinces only.

        Raises AuthorityMissing (409), for a region that does not exist too.
        """
        today = self._today()
        for known in self:
            regulates = known.active and Role.SECTOR_REGULATOR in known.kinds and item in known.items_on(today)
            if regulates and _stands_with(known, level, region):
                return known.ref
        raise AuthorityMissing(what=f"authority competent for {item} {_place(level, region)}")

    def review_body(self, *refs: AuthorityRef) -> AuthorityRef:
        """Who reviews an act in which these organisations took part. Raises NoIndependentBody (409)."""
        found = self.review_bodies_for(*refs)
        if not found:
            raise NoIndependentBody
        return found[0]

    def review_bodies_for(self, *refs: AuthorityRef, besides: Collection[str] = ()) -> tuple[AuthorityRef, ...]:
        """Who may review an act in which these organisations took part (docs/adr/0004); the first is who should.

        Each is another organisation than all of them, subordinate to none, and of at least their level: a provincial
        body reviews acts of its own province alone. It is none of those either, nor subordinate to one, who had a hand
        in it without deciding or executing (``besides``), whatever their level and place. First come those named in
        the directory for these organisations, then the nearer ones.
        """
        parties = {ref.id for ref in refs}
        apart_from = parties.union(besides)
        places = {(str(ref.level), ref.region) for ref in refs}
        named = {known.redress for known in map(self.get, parties) if known is not None}
        found = [
            known
            for known in self
            if known.active
            and Role.REVIEW_BODY in known.kinds
            and known.organisation_id not in apart_from
            and not self._above(known.organisation_id) & apart_from
            and (known.region is None or places == {(Level.PROVINCE, known.region)})
        ]
        found.sort(key=lambda known: (known.organisation_id not in named, known.region is None, known.organisation_id))
        return tuple(known.ref for known in found)

    def caller(self, claimed: Caller) -> Caller:
        """Who calls, with the level, region and competences of the organisation, and the roles it may fill, as of now.

        Raises OrganisationUnknown (403). Operators and access providers are not in the directory: they keep these two
        roles alone and get no level and no region of their own; an operator, the identities that it took over.
        """
        known = self.get(claimed.organisation)
        if known is None:
            if outside := claimed.roles & OUTSIDE:
                operates = Role.OPERATOR in outside
                taken_over = self.taken_over_by(claimed.organisation) if operates else frozenset[str]()
                return replace(claimed, roles=outside, taken_over=taken_over)
            raise OrganisationUnknown(organisation=claimed.organisation, why="is not in the directory of organisations")
        if not known.active:
            raise OrganisationUnknown(organisation=claimed.organisation, why="is closed")
        return replace(
            claimed,
            roles=frozenset(role for role in claimed.roles if role in known.kinds),
            level=Level(known.level),
            region=known.region,
            categories=known.items_on(self._today()),
            authority=known.ref,
            taken_over=frozenset(),
        )

    def load(self, organisations: Iterable[Organisation]) -> None:
        """Hold these organisations and no others."""
        self._organisations = {known.organisation_id: known for known in organisations}

    def load_mergers(self, taken_over: Mapping[str, frozenset[str]]) -> None:
        """Hold of operators that they took over these others, and of no other operator that it did."""
        self._taken_over = taken_over

    def taken_over_by(self, identity: str) -> frozenset[str]:
        """Whom an operator took over: whatever a merger says, nobody and nothing that the directory lists."""
        if self.get(identity) is not None:
            return frozenset()
        return frozenset(each for each in self._taken_over.get(identity, ()) if self.get(each) is None)

    async def refresh(self, tx: Tx) -> bool:
        """Read the copy, and that of mergers, again if it has changed; whether it had."""
        mergers = await tx.fetchrow(MERGERS)
        assert mergers is not None
        if (seen_mergers := (mergers["mergers"], mergers["versions"])) != self._seen_mergers:
            self.load_mergers({row["survivor"]: frozenset(row["merged"]) for row in await tx.fetch(TAKEN_OVER)})
            self._seen_mergers = seen_mergers
        state = await tx.fetchrow(STATE)
        assert state is not None
        seen = (state["organisations"], state["versions"])
        if seen == self._seen:
            return False
        self.load([_organisation(row["record"]) for row in await tx.fetch(RECORDS)])
        self._seen = seen
        return True

    async def keep_fresh(self, db: Database) -> None:
        """Follow the copy for as long as the process lives; a session that is lost is opened again."""
        while True:
            try:
                await self._follow(db)
            except Exception as error:  # whoever calls would be judged by what was: try again and say so
                _log.warning("directory.session_lost", error=repr(error), organisations=len(self))
                await asyncio.sleep(PAUSE_S)

    async def _follow(self, db: Database) -> None:
        changed = asyncio.Event()
        session = await db.dedicated("directory")
        try:
            await session.add_listener(CHANNEL, lambda *_: changed.set())
            while True:
                changed.clear()
                # The look goes over the listening session itself: a dead one is silent, and this is its heartbeat.
                async with asyncio.timeout(ANSWER_S):
                    if await self.refresh(session):
                        _log.info("directory.read", organisations=len(self))
                try:
                    async with asyncio.timeout(POLL_S):
                        await changed.wait()
                except TimeoutError:
                    continue
        finally:
            session.terminate()

    def _today(self) -> date:
        return self.clock.now().astimezone(self.time_zone).date()

    def _above(self, organisation_id: str) -> set[str]:
        """Whom an organisation is subordinate to: its parent and whoever supervises it, theirs, and so on.

        Whoever nobody acts for supervises nobody: a single person enters organisations, closed as they are then.
        """
        above: set[str] = set()
        asked = [organisation_id]
        while asked:
            one = asked.pop()
            known = self.get(one)
            over = {other.organisation_id for other in self if other.active and one in other.supervises}
            over |= {known.parent} if known is not None and known.parent is not None else set()
            asked += over - above
            above |= over
        return above


def founding(rules: Rules) -> list[OrganisationRecordedV1]:
    """What a new directory begins with, by the rule profile."""
    return [
        OrganisationRecordedV1.model_validate(
            {
                "organisation_id": given.id,
                "version": 1,
                "status": "active",
                "names": {"zh": given.chinese, "en": given.english},
                "short_name": given.short,
                "kinds": given.kinds,
                "level": given.level,
                "region": given.region,
                "competences": [{"item": item, "since": given.since} for item in given.competences],
                "parent": given.parent,
                "supervises": given.supervises,
                "redress": given.redress,
            }
        )
        for given in rules.organisations.values()
    ]


async def take_over(tx: Tx, facts: Sequence[OrganisationRecordedV1]) -> None:
    """Write records into this service's copy, each unless a newer version is there, and tell every process."""
    newest: dict[str, OrganisationRecordedV1] = {}
    for fact in facts:
        known = newest.get(fact.organisation_id)
        if known is None or known.version < fact.version:
            newest[fact.organisation_id] = fact
    records: list[Any] = [fact.model_dump(mode="json") for fact in newest.values()]
    await tx.execute(TAKE_OVER, list(newest), [fact.version for fact in newest.values()], records)
    notify_at_commit(tx, CHANNEL)


async def project(_rt: Runtime, tx: Tx, facts: Sequence[OrganisationRecordedV1]) -> None:
    """The projection of ``organisation.recorded.v1`` in every service that is not the directory's own."""
    await take_over(tx, facts)


async def take_over_mergers(tx: Tx, facts: Sequence[MergerRecordedV1]) -> None:
    """Write which operators go on under another, each unless a later word is there, and tell every process."""
    latest = {fact.merger_id: fact for fact in sorted(facts, key=lambda fact: fact.version)}.values()
    await tx.execute(
        TAKE_OVER_MERGERS, [fact.merger_id for fact in latest], [fact.version for fact in latest],
        [fact.operator.identity for fact in latest], [fact.survivor.identity for fact in latest],
        [fact.stands for fact in latest],
    )  # fmt: skip
    notify_at_commit(tx, CHANNEL)


async def project_mergers(_rt: Runtime, tx: Tx, facts: Sequence[MergerRecordedV1]) -> None:
    """The projection of ``merger.recorded.v1`` wherever something is decided about operators."""
    await take_over_mergers(tx, facts)


def _stands_with(known: Organisation, level: str, region: str | None) -> bool:
    where = None if level == Level.NATIONAL else region
    return known.level == level and known.region == where


def _place(level: str, region: str | None) -> str:
    return "of national level" if level == Level.NATIONAL else f"in {region or 'no province'}"
