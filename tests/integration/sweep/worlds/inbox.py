"""The inbox, which every service has that issues notices."""

from shared.rules import Role
from shared.runtime.base.context import Caller
from tests.integration.sweep.world import Kind, NoRole, Record, Verb, Words
from tests.support.service import Api, Who

_ONE_EACH = """
SELECT DISTINCT ON (identity, authority_id) id, identity, authority_id FROM notice ORDER BY identity, authority_id, id
"""
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
    """The notices of a world, one of each authority to each recipient; ``authority`` is of the organisation ``of``."""
    async with api.rt.db.connection() as tx:
        rows = await tx.fetch(_ONE_EACH)
    records = [
        Record({"notice_id": str(row["id"])}, {"to": row["identity"], "authority": row["authority_id"]}) for row in rows
    ]
    records.sort(key=lambda record: record.words["authority"] != of)
    return Kind(
        records, may_read, reads=("/notices/{notice_id}", "/notices/{notice_id}/document"), lists="/notices",
        denied=lambda *_: 404, verbs=[Verb(
            "POST /notices/{notice_id}/postal-proof", authority, {"address": "1 Road", "proof": "RR123456789CN"},
            may=may_prove, again="proof_entered",
        )],
    )  # fmt: skip
