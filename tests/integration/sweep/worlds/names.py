"""Subscriptions to names: in every state, of two owners; whoever can be told something may ask for one."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from enforcement.lifecycle import SUBSCRIPTION, SubscriptionAction, SubscriptionStatus
from enforcement.policy import SUBSCRIPTION_ACTS
from enforcement.service import subscriptions
from shared.rules import Role
from shared.runtime.base.context import Caller
from tests.integration.enforcement.conftest import Office
from tests.integration.sweep.world import Kind, NoRole, Record, Verb, Words, beginning
from tests.support.people import OPERATOR_USCC, SELLER_USCC

PARTIES: Final = {Role.OPERATOR, Role.ACCESS_PROVIDER}
NEW: Final = {"host": "new.example", "method": "dns", "email": "web@new.example"}


def may(who: Caller, subscription: Words) -> bool:
    """Whose it is."""
    if not who.roles & PARTIES:
        raise NoRole
    return bool(who.organisation == subscription["owner"])


def may_ask(who: Caller, _: Words) -> bool:
    """Whoever can be told something."""
    return bool(who.roles & PARTIES)


async def kinds(office: Office) -> list[Kind]:
    """Subscriptions in every state, and asking for one."""
    records = [await _one(office, status, "applicant", OPERATOR_USCC) for status in SubscriptionStatus]
    records.append(await _one(office, SubscriptionStatus.ACTIVE, "seller", SELLER_USCC, told=False))
    path = "POST /name-subscriptions/{subscription_id}"
    return [
        Kind(
            records, may, reads=("/name-subscriptions/{subscription_id}",), lists="/name-subscriptions",
            author="applicant", lifecycle=SUBSCRIPTION, acts=SUBSCRIPTION_ACTS.keys(), verbs=[
                Verb(f"{path}/look", "applicant", None, SubscriptionAction.LOOK, again="looked_just_now"),
                Verb(f"{path}/code", "applicant", None, SubscriptionAction.SEND_CODE),
                Verb(f"{path}/confirmation", "applicant", lambda record, _: {"code": record.more["code"]},
                     SubscriptionAction.CONFIRM),
                Verb(f"{path}/end", "applicant", None, SubscriptionAction.END),
            ],
        ),
        beginning({}, Verb("POST /name-subscriptions", "applicant", NEW, may=may_ask, again="already_subscribed")),
    ]  # fmt: skip


async def _one(office: Office, status: SubscriptionStatus, who: Any, owner: str, *, told: bool = True) -> Record:
    body = {"host": f"{status}-{who}.example", "method": "dns", "email": f"{status}@{who}.example"}
    made = await office.post("/name-subscriptions", body, who, 201)
    async with office.api.rt.db.transaction() as tx:
        if status in {SubscriptionStatus.CONFIRMING, SubscriptionStatus.ACTIVE}:
            await subscriptions.proven(tx, office.api.rt, UUID(made["id"]))
        else:
            await subscriptions.missing(tx, office.api.rt, UUID(made["id"]), "nothing there", answered=True)
        # Looked at a while ago, so that it may be looked at again.
        await tx.execute("UPDATE name_subscription SET looked_at = looked_at - $2::interval WHERE id = $1",
                         UUID(made["id"]), timedelta(hours=1))  # fmt: skip
    code = await office.fetchval("SELECT code FROM address_code WHERE address = $1", body["email"])
    if status is SubscriptionStatus.ACTIVE:
        await office.post(f"/name-subscriptions/{made['id']}/confirmation", {"code": code}, who)
    if status is SubscriptionStatus.ENDED:
        await office.post(f"/name-subscriptions/{made['id']}/end", None, who)
    return Record(
        {"subscription_id": made["id"]}, {"owner": owner}, status if told else None, {"code": code or "0" * 8}
    )
