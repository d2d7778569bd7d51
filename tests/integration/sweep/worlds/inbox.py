"""The inbox, which every service has that issues notices."""

from dataclasses import replace
from datetime import datetime

from shared.contracts.grounds import ActRef, AddressForService, Names, Party, Service
from shared.contracts.http.notices import PostalProof
from shared.rules import Role
from shared.runtime.acts import notices, postal
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from tests.integration.sweep.world import Kind, NoRole, Record, Verb, Words, a_person
from tests.support.people import RULES, person
from tests.support.service import Api, Who

_ONE_EACH = """
SELECT DISTINCT ON (identity, authority_id) id, identity, authority_id, issued_at FROM notice
 ORDER BY identity, authority_id, id
"""
NOBODY = Party(identity="91110000000000000X", name="Told by nobody's hand")
NEWS = Names(zh="通知", en="News")
OUTSIDE = {Role.OPERATOR, Role.ACCESS_PROVIDER}


def may_read(who: Caller, notice: Words) -> bool:
    """Whom it is addressed to, and the authority whose act it is."""
    if not who.roles - {Role.ADMIN}:
        raise NoRole
    return who.organisation in {notice["to"], notice["authority"]}


def may_prove(who: Caller, notice: Words) -> bool:
    """The authority whose act it is."""
    return bool(who.roles - OUTSIDE - {Role.ADMIN}) and who.organisation == notice["authority"]


async def inbox(api: Api, authority: Who, of: str) -> Kind:
    """The notices of a world, one of each authority to each recipient; ``authority`` is of the organisation ``of``.

    A clerk has entered a proof for each, which somebody else may confirm or replace who had no hand in the act.
    """
    async with api.rt.db.transaction() as tx:
        await notices.issue(
            tx, api.rt, about=ActRef(service=Service.REGISTRY, kind="nobodys", id=uuid7()), kind="told", to=NOBODY,
            address=AddressForService(), authority=api.rt.directory.authority_ref(of), title=NEWS,
        )  # fmt: skip
        rows = await tx.fetch(_ONE_EACH)
        for row in rows:
            clerk = replace(person("auditor"), subject="clerk", organisation=row["authority_id"])
            letter = await notices.get(tx, row["id"])
            await postal.enter(tx, letter, clerk, **dict(_proof(row["issued_at"])), at=api.rt.clock.now())
    records = [
        Record(
            {"notice_id": str(row["id"])}, {"to": row["identity"], "authority": row["authority_id"]},
            more=_proof(row["issued_at"]).model_dump(mode="json"),
        ) for row in rows
    ]  # fmt: skip
    records.sort(key=lambda record: record.words["to"] != NOBODY.identity)
    path = "POST /notices/{notice_id}/postal-proof"
    return Kind(
        records, may_read, reads=("/notices/{notice_id}", "/notices/{notice_id}/document"), lists="/notices",
        denied=lambda *_: 404, verbs=[
            Verb(path, authority, _again, may=a_person(may_prove), waits={"second_person_required"}),
            Verb(f"{path}/confirmation", authority, lambda record, _: record.more, may=a_person(may_prove),
                 again="no_such_proof", waits={"second_person_required"}),
        ],
    )  # fmt: skip


def _proof(issued_at: datetime) -> PostalProof:
    return PostalProof(address="1 Road", tracking="RR123456789CN", delivered_on=RULES.day_of(issued_at))


def _again(record: Record, _: object) -> dict[str, object]:
    return {**record.more, "tracking": "RR987654321CN"}
