"""The access desk: orders, and instructions to the supervisors of networks."""

from typing import Annotated, Literal
from uuid import UUID

import typer

from concord.cli.output import As, AsJson, File, OrderId, ProviderId, Reasons, act, body, err, listed, more_follow
from concord.files import BadFile, read
from concord.sdk import Concord
from concord.sdk.signed import verified_order
from shared.contracts.http import access as wire
from shared.contracts.orders import Order
from shared.signing import BadSignature, KeyRing

orders = typer.Typer(no_args_is_help=True, help="Orders to providers, and the issuer's answers.")
instructions = typer.Typer(no_args_is_help=True, help="Instructions to the supervisors of public-interest networks.")

InstructionId = Annotated[str, typer.Argument(help="Id of the instruction.")]


# --- orders ----------------------------------------------------------------------------------------------------------


@orders.command("list")
def list_orders(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[wire.OrderStatus | None, typer.Option(help="Only those that stand so.")] = None,
    provider_id: Annotated[UUID | None, typer.Option(help="Only those to this provider.")] = None,
    site_id: Annotated[UUID | None, typer.Option(help="Only those about this site.")] = None,
) -> None:
    """Orders, newest first."""
    columns = ("id", "sequence", "action", "status", "position", "overdue", "provider_id", "site.number")
    act(lambda c: listed(c.access.orders(status=status, provider_id=provider_id, site_id=site_id)), as_, as_json,
        columns)  # fmt: skip


@orders.command("show")
def show_order(order_id: OrderId, as_: As = None, as_json: AsJson = False) -> None:
    """One order with its receipts."""
    act(lambda c: c.access.get_order(order_id), as_, as_json)


@orders.command("observed")
def show_observed(order_id: OrderId, as_: As = None, as_json: AsJson = False) -> None:
    """What its provider signed beside what was seen of its names: for who reads it and whose site it is."""
    beside = act(lambda c: c.access.observed(order_id), as_, as_json)
    if not (beside.observations or beside.differences):
        text = "nothing was seen of it: nobody has looked, nothing it names can be asked, or it is too long ago"
        err.print(text, style="dim", soft_wrap=True)


@orders.command("queue")
def queue(
    provider_id: ProviderId,
    after: Annotated[int, typer.Option(help="Place from behind which to list.")] = 0,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """What waits for a provider's capacity, in the order in which it goes out."""

    async def waiting(concord: Concord) -> wire.QueueView | list[wire.WaitingView]:
        found = await concord.access.queue(provider_id, after=after)
        if not as_json:
            err.print(f"{found.waiting} wait; the next one can go out at {found.opens_at.isoformat()}", soft_wrap=True)
            if found.orders and found.orders[-1].position < found.waiting:
                more_follow(f"--after {found.orders[-1].position}", len(found.orders))
        return found if as_json else found.orders

    act(waiting, as_, as_json, ("position", "order_id", "action", "urgent", "decided_at", "waits_since", "until"))


@orders.command("verify")
def verify_order(file: File, as_: As = None, as_json: AsJson = False) -> None:
    """Check a signed order (its JWS in a file): the signature, and that the key belongs to whoever issued it."""
    jws = read(file).strip()

    async def checked(concord: Concord) -> Order:
        try:
            return Order.model_validate_json(verified_order(KeyRing(await concord.access.keys()), jws).payload)
        except BadSignature as bad:
            raise BadFile(f"{file} is not to be believed: {bad.reason}") from bad

    act(checked, as_, as_json)


@orders.command("withdraw")
def withdraw_order(order_id: OrderId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Take an order back in its withdraw window."""
    sent = body(wire.WithReasons, reasons=reasons)
    act(lambda c: c.access.withdraw(order_id, sent), as_, as_json)


@orders.command("ask-reissue")
def ask_reissue(order_id: OrderId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Ask, as one person, that an order that was taken back be sent again."""
    sent = body(wire.WithReasons, reasons=reasons)
    act(lambda c: c.access.ask_reissue(order_id, sent), as_, as_json)


@orders.command("reissue")
def reissue_order(order_id: OrderId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Send again, as another person, an order that was taken back and that somebody asked for."""
    sent = body(wire.WithReasons, reasons=reasons)
    act(lambda c: c.access.reissue(order_id, sent), as_, as_json)


@orders.command("answer")
def answer_order(
    order_id: OrderId,
    answer: Annotated[Literal["upheld", "rejected", "accepted"], typer.Argument(help="upheld, rejected or accepted.")],
    reasons: Reasons,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Answer, as the issuer, a contested order (upheld, rejected) or an impossible one (accepted, rejected)."""
    sent = body(wire.OrderAnswer, answer=answer, reasons=reasons)
    act(lambda c: c.access.answer(order_id, sent), as_, as_json)


@orders.command("escalate")
def escalate_order(order_id: OrderId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Escalate an overdue order."""
    sent = body(wire.WithReasons, reasons=reasons)
    act(lambda c: c.access.escalate(order_id, sent), as_, as_json)


@orders.command("keys")
def published_keys(as_: As = None, as_json: AsJson = False) -> None:
    """The public keys that orders and counter-receipts are signed with; --json is what `concord verify` reads."""
    act(lambda c: c.access.keys(), as_, as_json)


@orders.command("statistics")
def statistics(
    since: Annotated[str | None, typer.Option(help="Issued on this day or later; a year at most.")] = None,
    until: Annotated[str | None, typer.Option(help="Issued on this day or before.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """What each provider did, what it did not, and how soon (minutes at the median); --json shows more."""
    columns = ("provider", "stops", "stops_done", "stops_not_done_in_time", "stops_half_done_minutes",
               "restores", "restores_done", "restores_open", "restores_not_done_in_time",
               "restores_half_done_minutes", "restores_longest_wait_minutes", "restores_seen_dark",
               "way_back_slower")  # fmt: skip

    async def counts(concord: Concord) -> list[wire.OrderCounts]:
        return (await concord.access.order_statistics(since=since, until=until)).providers

    act(counts, as_, as_json, columns)


# --- instructions ----------------------------------------------------------------------------------------------------


@instructions.command("list")
def list_instructions(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[wire.InstructionStatus | None, typer.Option(help="Only those that stand so.")] = None,
) -> None:
    """Instructions you gave or got, newest first."""
    columns = ("id", "status", "provider_id", "supervisor.names.en", "issue_by", "overdue")
    act(lambda c: listed(c.access.instructions(status=status)), as_, as_json, columns)


@instructions.command("show")
def show_instruction(instruction_id: InstructionId, as_: As = None, as_json: AsJson = False) -> None:
    """One instruction."""
    act(lambda c: c.access.get_instruction(instruction_id), as_, as_json)


@instructions.command("acknowledge")
def acknowledge(instruction_id: InstructionId, as_: As = None, as_json: AsJson = False) -> None:
    """Sign for it, as the first person of the supervisor."""
    act(lambda c: c.access.acknowledge(instruction_id), as_, as_json)


@instructions.command("issue")
def issue(instruction_id: InstructionId, as_: As = None, as_json: AsJson = False) -> None:
    """Issue the order to your network, as the second person."""
    act(lambda c: c.access.issue(instruction_id), as_, as_json)


@instructions.command("object")
def object_to(instruction_id: InstructionId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Point at an error in it; its clock stands still until the regulator answers."""
    sent = body(wire.WithReasons, reasons=reasons)
    act(lambda c: c.access.object_to(instruction_id, sent), as_, as_json)


@instructions.command("answer")
def answer_objection(
    instruction_id: InstructionId,
    answer: Annotated[Literal["upheld", "rejected"], typer.Argument(help="upheld or rejected.")],
    reasons: Reasons,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Answer an objection, as the regulator."""
    sent = body(wire.InstructionAnswer, answer=answer, reasons=reasons)
    act(lambda c: c.access.answer_objection(instruction_id, sent), as_, as_json)
