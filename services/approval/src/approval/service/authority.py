"""Who decides, and how that is challenged: what goes into the grounds of every decision."""

from datetime import datetime

from shared.contracts.grounds import AuthorityRef, Grounds, Redress, Statement
from shared.runtime.acts.runtime import Runtime


def redress_of(rt: Runtime, authority: AuthorityRef) -> Redress:
    """How a decision of this authority is challenged, as profile and directory say. Raises NoIndependentBody (409)."""
    body = rt.directory.review_body(authority)
    return rt.redress(body)


def grounds_of(rt: Runtime, authority: AuthorityRef, stated: Statement, at: datetime) -> Grounds:
    """What an official stated, made the grounds of a decision."""
    return Grounds(
        **stated.model_dump(include=set(Statement.model_fields)),
        authority=authority,
        redress=redress_of(rt, authority),
        profile=rt.rules.ref,
        made_at=at,
    )
