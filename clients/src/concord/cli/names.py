"""``concord names``: hear of every act about a name that is yours, whether the register knows you or not."""

from typing import Annotated

import typer

from concord.cli.output import As, AsJson, act, body, listed
from shared.contracts.http.subscriptions import Code, Method, NewSubscription

names = typer.Typer(no_args_is_help=True, help="Hear of every act about a name that is yours.")

SubscriptionId = Annotated[str, typer.Argument(help="Id of the subscription.")]


@names.command("subscribe")
def subscribe(
    host: Annotated[str, typer.Argument(help="The name; what is below it comes with it where DNS shows it.")],
    method: Annotated[
        Method, typer.Option(help="How the name shows that it is yours: a TXT record, or a file below /.well-known/.")
    ] = "dns",
    email: Annotated[str | None, typer.Option(help="Where to tell you by mail.")] = None,
    webhook: Annotated[str | None, typer.Option(help="Or by webhook: an address with https.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Ask to hear of acts about a name. `proof` says what to put where; then `concord names look ID`, or wait."""
    sent = body(NewSubscription, host=host, method=method, email=email, webhook=webhook)
    act(lambda c: c.enforcement.subscribe(sent), as_, as_json)


@names.command("list")
def list_subscriptions(as_: As = None, as_json: AsJson = False) -> None:
    """Your subscriptions, newest first."""
    columns = ("id", "host", "status", "email", "webhook", "proven_at", "proven_until", "missing")
    act(lambda c: listed(c.enforcement.subscriptions()), as_, as_json, columns)


@names.command("show")
def show_subscription(subscription_id: SubscriptionId, as_: As = None, as_json: AsJson = False) -> None:
    """One subscription: what must be shown where, and what was missing when it was last looked at."""
    act(lambda c: c.enforcement.get_subscription(subscription_id), as_, as_json)


@names.command("look")
def look(subscription_id: SubscriptionId, as_: As = None, as_json: AsJson = False) -> None:
    """Have the name looked at now; a moment later `concord names show ID` says what it showed."""
    act(lambda c: c.enforcement.look_at_name(subscription_id), as_, as_json)


@names.command("confirm")
def confirm(
    subscription_id: SubscriptionId,
    code: Annotated[str, typer.Argument(help="The code that was mailed to the address.")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Enter the code that was mailed to the address: only then is it told anything."""
    sent = body(Code, code=code)
    act(lambda c: c.enforcement.confirm_address(subscription_id, sent.code), as_, as_json)


@names.command("code")
def send_code(subscription_id: SubscriptionId, as_: As = None, as_json: AsJson = False) -> None:
    """Have another code mailed to the address."""
    act(lambda c: c.enforcement.send_code(subscription_id), as_, as_json)


@names.command("end")
def end(subscription_id: SubscriptionId, as_: As = None, as_json: AsJson = False) -> None:
    """Hear no more of a name."""
    act(lambda c: c.enforcement.end_subscription(subscription_id), as_, as_json)
