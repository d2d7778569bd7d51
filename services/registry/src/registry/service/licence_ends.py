"""A provider is told that a licence of its ends soon, or is over (docs/adr/0024): the register has its inbox."""

from typing import Final

from registry.service.desk import teller
from shared.contracts.access import LicenceEndingV1
from shared.contracts.grounds import ActRef, AddressForService, Names, Party, Service, Statement
from shared.rules import Level
from shared.runtime.acts import notices
from shared.runtime.acts.notices import New
from shared.runtime.acts.runtime import Runtime
from shared.runtime.db.postgres import Tx

CLOCK: Final = "provider_licence"
ENDING: Final = Names(zh="经营许可即将到期提示", en="A licence of yours ends soon")
ENDED: Final = Names(zh="经营许可已到期告知书", en="A licence of yours is over")
STAY: Final = (
    "No new site is registered at you until the access desk enters one that is in force. The sites that you host stay,"
    " and orders to host sites again go on reaching you: go on reading."
)


async def tell(tx: Tx, rt: Runtime, fact: LicenceEndingV1) -> None:
    """A notice to the provider; nothing follows for any site."""
    ends = f"Your licence {fact.number} ({fact.kind}) {'ended' if fact.over else 'ends'} with {fact.last_day}."
    if not fact.over:
        said = f"{ends} Have its renewal entered by the access desk of your province before."
    else:
        said = f"{ends} Another licence of yours is in force." if fact.licensed else f"{ends} {STAY}"
    clock = rt.rules.clocks.get(CLOCK)
    source = clock.source if clock is not None else "docs/adr/0024"
    await notices.issue_all(tx, rt, [
        New(about=ActRef(service=Service.ACCESS_CONTROL, kind="licence", id=fact.licence_id), kind="licence_ending",
            to=Party(identity=str(fact.provider_id), name=fact.name), address=AddressForService(),
            authority=teller(rt, Level.PROVINCE, fact.region), title=ENDED if fact.over else ENDING,
            says=Statement(legal_basis=(source,), reasons=said, public_reasons=said),
            answer_by=None if fact.over else rt.rules.end_of(fact.last_day))
    ])  # fmt: skip
