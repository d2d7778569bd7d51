"""Who is competent for which item, at which level and where, and how one asks (P2): the directory and the profile."""

from typing import Final

from approval.errors import UnknownServiceItem
from approval.store import DECISION_CLOCK
from shared.contracts.grounds import Names
from shared.contracts.http.authorities import (
    CatalogueAuthority,
    CatalogueClock,
    CatalogueItem,
    CatalogueRedress,
    CatalogueRequirement,
    CatalogueView,
)
from shared.rules import Role
from shared.runtime.acts.runtime import Runtime

PROCEDURE: Final = (
    Names(zh="向本省或国家主管部门提出申请", en="Apply to the authority of your province, or to the national one."),
    Names(
        zh="材料不全的，一次告知全部需补正内容；补正期间不计时",
        en="Returned once at most, with everything that is missing; meanwhile the clock stands still.",
    ),
    Names(
        zh="不属其管辖的，移送有管辖权的部门，期限连续计算",
        en="Put to the wrong authority, it is forwarded to the competent one; the clock goes on.",
    ),
    Names(
        zh="在期限内准予、书面不予（说明全部理由）或认定无需批准",
        en="Within the clock: granted, refused in writing with every reason, or found to need no approval.",
    ),
    Names(zh="准予的，发给签名的批准书", en="What is granted is issued as a signed document."),
)
"""As `lifecycle` has it."""


def catalogue(rt: Runtime, item: str | None, region: str | None) -> CatalogueView:
    """The catalogue as of today; of one item, or of the authorities of one province and the national ones.

    An item that needs no approval has nobody to ask. Raises UnknownServiceItem (422).
    """
    if item is not None and item not in rt.rules.service_items:
        raise UnknownServiceItem.field("item", f"is none of: {', '.join(rt.rules.service_items)}")
    today, authorities = rt.rules.day_of(rt.clock.now()), []
    regulated = {code for code, each in rt.rules.service_items.items() if each.approval_required}
    wanted = regulated if item is None else regulated & {item}
    for known in rt.directory:
        items = known.items_on(today) & wanted
        here = region is None or known.region in {None, region}
        if items and here and known.active and Role.SECTOR_REGULATOR in known.kinds:
            authorities.append(CatalogueAuthority(authority=known.ref, items=tuple(sorted(items)), office=known.office))
    authorities.sort(key=lambda each: (each.authority.region or "", each.authority.id))
    rule = rt.rules.redress
    redress = CatalogueRedress(how=rule.how, how_zh=rule.how_chinese, within_days=rule.within_days)
    return CatalogueView(
        profile=rt.rules.ref,
        items=tuple(_item(rt, code) for code in sorted(wanted)),
        authorities=tuple(authorities),
        procedure=PROCEDURE,
        redress=redress,
    )


def _item(rt: Runtime, code: str) -> CatalogueItem:
    item = rt.rules.service_items[code]
    clock = rt.rules.clocks[item.clock or DECISION_CLOCK]
    requires = [rt.rules.requirements[each] for each in item.requires]
    return CatalogueItem(
        code=code,
        names=Names(zh=item.chinese, en=item.english),
        under=Names(zh=item.authority_chinese or item.chinese, en=item.authority or item.english),
        requires=tuple(
            CatalogueRequirement(code=each.code, names=Names(zh=each.chinese, en=each.english)) for each in requires
        ),
        clock=CatalogueClock(amount=clock.amount, unit=str(clock.unit), source=clock.source),
        source=item.source,
    )
