"""Who decides, and how that is challenged: what goes into the grounds of every decision."""

from datetime import datetime

from shared.contracts.grounds import AuthorityRef, Grounds, Names, Redress, Statement
from shared.rules import Level, Role
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller


def authority_of(rt: Runtime, who: Caller, service_item: str) -> AuthorityRef:
    """The authority a caller acts for, as it is now. Until the directory says more, profile and token name it."""
    item = rt.rules.service_items[service_item]
    if who.level == Level.NATIONAL:
        names = Names(zh=item.authority_chinese or item.chinese, en=item.authority or item.english)
        return AuthorityRef(id=who.organisation, names=names, level="national")
    province = rt.rules.provinces[who.region or ""]
    names = Names(zh=f"{province.chinese}{item.chinese}主管部门", en=f"{item.english} authority of {province.english}")
    return AuthorityRef(id=who.organisation, names=names, level="province", region=province.code)


def redress_of(rt: Runtime, authority: AuthorityRef) -> Redress:
    """How a decision of this authority is challenged: before the review body of its level, as the profile says."""
    word = rt.rules.roles[Role.REVIEW_BODY].chinese
    if authority.region is None:
        body = AuthorityRef(id="review", names=Names(zh=f"国家{word}", en="National review body"), level="national")
    else:
        province = rt.rules.provinces[authority.region]
        names = Names(zh=f"{province.chinese}{word}", en=f"Review body of {province.english}")
        body = AuthorityRef(id=f"review-{province.code}", names=names, level="province", region=province.code)
    return Redress(body=body, how=rt.rules.redress.how, within_days=rt.rules.redress.within_days)


def grounds_of(rt: Runtime, authority: AuthorityRef, stated: Statement, at: datetime) -> Grounds:
    """What an official stated, made the grounds of a decision."""
    return Grounds(
        **stated.model_dump(include=set(Statement.model_fields)),
        authority=authority,
        redress=redress_of(rt, authority),
        profile=rt.rules.id,
        made_at=at,
    )
