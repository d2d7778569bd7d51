"""Time limits as a calendar, which every service has that issues notices: each reads their own."""

from shared.contracts.grounds import ActRef, AddressForService, Names, Party, Service
from shared.rules import Role
from shared.runtime.acts import notices, terms
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from tests.integration.sweep.world import Kind, NoRole, Record, Verb, Words
from tests.support.people import OPERATOR_USCC, person
from tests.support.service import Api


def _has_inbox(who: Caller, _: Words) -> bool:
    if not who.roles - {Role.ADMIN}:
        raise NoRole
    return True


def calendars() -> Kind:
    """Everybody who has an inbox has a calendar: what they read in it is their own, so there is nobody to refuse."""
    return Kind(
        [Record({"own": "own"}, {})], _has_inbox, reads=("/inbox/deadlines.ics", "/notices/counts"), verbs=[
            Verb("PUT /inbox/calendar-address", "applicant", may=_has_inbox),
            Verb("DELETE /inbox/calendar-address", "applicant", may=_has_inbox),
        ],
    )  # fmt: skip


async def calendar_of_everybody(api: Api) -> str:
    """Somebody's private address; gives its secret."""
    at = api.rt.clock.now()
    async with api.rt.db.transaction() as tx:
        await notices.issue(
            tx, api.rt, about=ActRef(service=Service.REGISTRY, kind="nobodys", id=uuid7()), kind="told",
            to=Party(identity=OPERATOR_USCC, name="Example"), address=AddressForService(), answer_by=at,
            authority=api.rt.directory.regulator("national"), title=Names(zh="通知", en="News"),
        )  # fmt: skip
        return await terms.make_address(tx, person("applicant"), at, at.replace(year=at.year + 1))
