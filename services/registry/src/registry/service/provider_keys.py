"""A provider is told what the access desk did with a key of its (docs/adr/0027): the register has its inbox."""

from typing import Final

from registry.service.desk import teller
from shared.contracts.access import ProviderKeyChangedV1
from shared.contracts.grounds import ActRef, AddressForService, Names, Party, Service, Statement
from shared.contracts.quoting import quoting
from shared.rules import Level
from shared.runtime.acts import notices
from shared.runtime.acts.notices import New
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

REVOKED: Final = Names(zh="签名密钥撤销告知书", en="The access desk revoked a key of yours")
ENTERED: Final = Names(zh="签名密钥登记告知书", en="The access desk entered a key for you")
SOURCE: Final = "docs/adr/0027"
MUTE: Final = (
    "You have no key in use now. Until one is entered no order to stop hosting becomes overdue, and the time is added"
    " to those that run. Orders to host a site again go on reaching you: carry them out. Have your next key entered"
    " by the access desk."
)
WRONG: Final = (
    "If this is wrong, or the key is not yours, say so to the access desk, and complain to the authority above it "
    "(`concord complaints file --office`)."
)


async def tell(tx: Tx, rt: Runtime, fact: ProviderKeyChangedV1) -> None:
    """A notice to the provider; nothing follows for any site."""
    did = "revoked your key" if fact.revoked else "entered for you the key"
    said = quoting(
        f"{fact.authority.names.en} {did} {fact.kid} (thumbprint {fact.thumbprint}) on "
        f"{fact.at.isoformat(timespec='minutes')}: ",
        fact.reasons,
        "\n".join(["", *([MUTE] if fact.left == 0 else []), WRONG]),
    )
    await notices.issue_all(tx, rt, [
        New(about=ActRef(service=Service.ACCESS_CONTROL, kind="provider_key", id=fact.key_id),
            kind="provider_key_revoked" if fact.revoked else "provider_key_entered",
            to=Party(identity=str(fact.provider_id), name=fact.name), address=AddressForService(),
            authority=teller(rt, Level.PROVINCE, fact.region), title=REVOKED if fact.revoked else ENTERED,
            says=Statement(legal_basis=(SOURCE,), reasons=said, public_reasons=said), answer_by=None)
    ])  # fmt: skip
