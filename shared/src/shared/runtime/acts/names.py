"""What the register does about names, told for those who show that they hold them (``registry_act.named.v1``)."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from shared.contracts.grounds import ActRef, AuthorityRef, Grounds, Names, Statement
from shared.contracts.notices import RegistryActNamedV1
from shared.runtime.acts import outbox
from shared.runtime.db.postgres import Tx

AT_ONCE: Final = 500
"""Names in one fact; more of them are told in several."""


def tell(
    tx: Tx, hosts: Collection[str], *, about: ActRef, kind: str, authority: AuthorityRef, title: Names,
    says: Statement | Grounds | None, at: datetime, answer_by: datetime | None = None,
) -> None:  # fmt: skip
    """What everybody may read of an act of the register about these names; nothing where it is about none."""
    names, public = sorted(set(hosts)), None if says is None else says.public()
    grounds = public if isinstance(public, Grounds) else None
    for begin in range(0, len(names), AT_ONCE):
        fact = RegistryActNamedV1(
            act_id=about.id, act=about, kind=kind, hosts=tuple(names[begin : begin + AT_ONCE]), authority=authority,
            title=title, grounds=grounds, statement=None if grounds else public, answer_by=answer_by, at=at,
        )  # fmt: skip
        outbox.add(tx, fact, at=at)
