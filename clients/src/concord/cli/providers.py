"""Providers at the access desk, their keys and conduct, and a key pair for whoever needs one."""

import json
import os
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer

from concord.cli.output import As, AsJson, Body, ProviderId, Reasons, Version, act, body, listed
from concord.files import BadFile, json_object
from concord.sdk import BadArgument, Concord
from shared.contracts.http import providers as wire
from shared.contracts.http.access import OrderDetailView, OrderView, SignedOrderView, WithReasons
from shared.contracts.http.trials import NewTrial
from shared.contracts.http.webhooks import NewWebhook
from shared.signing import Signer, generate_key, prove, public

KID: Final = re.compile(r"[A-Za-z0-9._~:@-]{1,100}").fullmatch
"""Ids of keys that access-control takes: they are part of an address."""

providers = typer.Typer(no_args_is_help=True, help="Providers and their keys.")

EntryId = Annotated[UUID, typer.Argument(help="Id of an entry, as `providers conduct` lists it.")]
Supervisor = Annotated[str | None, typer.Option(help="Of a public-interest network: its supervisor, e.g. education.")]

LicenceId = Annotated[UUID, typer.Argument(help="Id of a licence, as `providers licences` lists it.")]
LicenceKind = Annotated[str, typer.Option(help="Kind of licence of the rule profile: idc or isp.")]
LicensedIn = Annotated[list[str] | None, typer.Option(help="A province in which it holds; none: the whole country.")]
LicensedUntil = Annotated[
    datetime | None, typer.Option(help="Its last day; none if it names none.", formats=["%Y-%m-%d"])
]
Capacity = Annotated[int | None, typer.Option(help="Orders to stop hosting that it can carry out within 24 hours.")]


@providers.command("list")
def list_providers(as_: As = None, as_json: AsJson = False) -> None:
    """Providers."""
    act(
        lambda c: listed(c.access.providers()),
        as_,
        as_json,
        ("id", "name", "kind", "status", "licence_number", "region"),
    )


@providers.command("show")
def show_provider(provider_id: ProviderId, as_: As = None, as_json: AsJson = False) -> None:
    """One provider with its keys and topics."""
    act(lambda c: c.access.get_provider(provider_id), as_, as_json)


@providers.command("register")
def register_provider(
    name: Annotated[str, typer.Option(help="Its name.")],
    region: Annotated[str, typer.Option(help="Province that orders it, e.g. 110000.")],
    contact: Annotated[str, typer.Option(help="Who does the filing work there, and how to reach them.")],
    licence_number: Annotated[str | None, typer.Option(help="Number of its licence.")] = None,
    licensed_from: Annotated[
        datetime | None, typer.Option(help="First day of its licence.", formats=["%Y-%m-%d"])
    ] = None,
    kind: Annotated[str, typer.Option(help="access_provider, carrier or public_network.")] = "access_provider",
    licence_kind: LicenceKind = "idc",
    licensed_until: LicensedUntil = None,
    province: LicensedIn = None,
    supervisor: Supervisor = None,
    daily_capacity: Capacity = None,
    sandbox: Annotated[bool, typer.Option("--sandbox", help="Only to try a client with: no licence, no site.")] = False,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Enter a provider with its licence, or a sandbox; its topics are made within seconds."""
    if not sandbox and (licence_number is None or licensed_from is None):
        raise BadArgument("--licence-number and --licensed-from, or --sandbox")
    licence = _licence(licence_kind, licence_number, province, licensed_from, licensed_until)
    sent = body(
        wire.NewProvider, name=name, licence=None if sandbox else licence, region=region, contact=contact, kind=kind,
        supervisor=supervisor, daily_capacity=daily_capacity, sandbox=sandbox,
    )  # fmt: skip
    act(lambda c: c.access.register_provider(sent), as_, as_json)


@providers.command("change")
def change_provider(
    provider_id: ProviderId,
    name: Annotated[str, typer.Option(help="Its name.")],
    contact: Annotated[str, typer.Option(help="Who does the filing work there, and how to reach them.")],
    version: Version,
    supervisor: Supervisor = None,
    daily_capacity: Capacity = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Say a provider's name and contact as they are from now on; a supervisor or capacity that is not named stays."""
    sent = body(wire.ChangedProvider, name=name, contact=contact, supervisor=supervisor, daily_capacity=daily_capacity)
    act(lambda c: c.access.change_provider(provider_id, version, sent), as_, as_json)


@providers.command("set-contact")
def set_contact(
    provider_id: ProviderId,
    contact: Annotated[str, typer.Argument(help="Who does the filing work there and how to reach them.")],
    branch: Annotated[
        list[str] | None,
        typer.Option(help="REGION=CONTACT: whom to ask in another province; name all of them."),
    ] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Say, as the provider, whom to ask there and in other provinces."""
    branches = [dict(zip(("region", "contact"), each.split("=", 1), strict=False)) for each in branch or ()]
    sent = body(wire.NewContact, contact=contact, branches=branches or None)

    async def changed(concord: Concord) -> wire.ProviderView:
        known = await concord.access.get_provider(provider_id)
        return await concord.access.change_contact(provider_id, known.version, sent)

    act(changed, as_, as_json)


@providers.command("close")
def close(provider_id: ProviderId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Host, as the provider, nobody new any more; its sites have time to find another host."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.access.close_provider(provider_id, sent), as_, as_json)


@providers.command("reopen")
def reopen(provider_id: ProviderId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Be there again, as the provider."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.access.reopen_provider(provider_id, sent), as_, as_json)


@providers.command("webhook")
def webhook(
    provider_id: ProviderId,
    url: Annotated[str | None, typer.Option(help="Address to which orders are posted from now on.")] = None,
    after: Annotated[
        int | None, typer.Option(help="With --url: the last sequence number that you hold; else all from the first.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Have nothing posted any more.")] = False,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Where your orders are posted, as the provider, and how that goes; or set that, or end it."""
    if off or url is None:
        if after is not None or (off and url is not None):
            raise BadArgument("--url with --after, or --off, or neither")
        act(lambda c: c.access.delete_webhook(provider_id) if off else c.access.webhook(provider_id), as_, as_json)
        return
    sent = body(NewWebhook, url=url, after=after or 0)
    act(lambda c: c.access.set_webhook(provider_id, sent), as_, as_json)


@providers.command("try-order")
def try_order(
    provider_id: ProviderId,
    host: Annotated[list[str], typer.Argument(help="Names under .example, .test or .invalid.")],
    until: Annotated[
        str | None, typer.Option(help="A suspension that ends then, e.g. 2026-12-01T12:00:00+08:00; none: a cut-off.")
    ] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Ask, as a sandbox, for an order about names that are nobody's."""
    sent = body(NewTrial, hosts=host, until=until)
    act(lambda c: c.access.try_order(provider_id, sent), as_, as_json)


@providers.command("end-trial")
def end_trial(
    provider_id: ProviderId,
    order_id: Annotated[UUID, typer.Argument(help="Id of the order.")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Take, as a sandbox, a trial order back, and show the restore that goes out; again: the same restore."""

    async def verb(concord: Concord) -> OrderView | OrderDetailView:
        ended = await concord.access.end_trial(provider_id, order_id)
        return await concord.access.get_order(ended.undone_by) if ended.undone_by is not None else ended

    act(verb, as_, as_json)


@providers.command("licences")
def licences(provider_id: ProviderId, as_: As = None, as_json: AsJson = False) -> None:
    """The licences under which a provider hosts, over and given up ones too."""
    columns = ("id", "kind", "number", "level", "provinces", "valid_from", "valid_until", "status", "in_force")

    async def found(concord: Concord) -> list[wire.LicenceView]:
        return (await concord.access.get_provider(provider_id)).licences

    act(found, as_, as_json, columns)


@providers.command("add-licence")
def add_licence(
    provider_id: ProviderId,
    number: Annotated[str, typer.Argument(help="Its number.")],
    licensed_from: Annotated[datetime, typer.Option(help="Its first day.", formats=["%Y-%m-%d"])],
    licence_kind: LicenceKind = "idc",
    licensed_until: LicensedUntil = None,
    province: LicensedIn = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Enter one more licence of a provider."""
    sent = _licence(licence_kind, number, province, licensed_from, licensed_until)
    assert sent is not None, "number and first day are given"
    act(lambda c: c.access.add_licence(provider_id, sent), as_, as_json)


@providers.command("renew-licence")
def renew_licence(
    provider_id: ProviderId,
    licence_id: LicenceId,
    licensed_until: Annotated[datetime, typer.Option(help="Its new last day.", formats=["%Y-%m-%d"])],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Let a licence of a provider end later."""
    sent = body(wire.RenewedLicence, valid_until=licensed_until.date())
    act(lambda c: c.access.renew_licence(provider_id, licence_id, sent), as_, as_json)


@providers.command("give-up-licence")
def give_up_licence(
    provider_id: ProviderId, licence_id: LicenceId, reasons: Reasons, as_: As = None, as_json: AsJson = False
) -> None:
    """Give a licence up, as the provider."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.access.give_up_licence(provider_id, licence_id, sent), as_, as_json)


def _licence(
    kind: str, number: str | None, provinces: list[str] | None, begins: datetime | None, ends: datetime | None
) -> wire.NewLicence | None:
    if number is None or begins is None:
        return None
    return body(
        wire.NewLicence, kind=kind, number=number, provinces=provinces or (), valid_from=begins.date(),
        valid_until=ends.date() if ends else None,
    )  # fmt: skip


@providers.command("conduct")
def conduct(provider_id: ProviderId, as_: As = None, as_json: AsJson = False) -> None:
    """The conduct record of a provider, newest first."""
    columns = ("id", "status", "counts", "counts_until", "grounds.public_reasons", "dispute", "answer")
    act(lambda c: listed(c.access.conduct(provider_id)), as_, as_json, columns)


@providers.command("findings")
def findings(provider_id: ProviderId, as_: As = None, as_json: AsJson = False) -> None:
    """What a provider left unanswered of its lists of sites, newest first."""
    columns = ("finding_id", "kind", "host", "escalated_at", "because", "dispute", "answer", "counts", "counts_until")
    act(lambda c: listed(c.access.conduct_findings(provider_id)), as_, as_json, columns)


@providers.command("disputes")
def disputes(as_: As = None, as_json: AsJson = False) -> None:
    """What providers dispute of what your organisation decided, and nobody answered."""
    columns = ("id", "provider_id", "grounds.public_reasons", "dispute", "disputed_at")
    act(lambda c: listed(c.access.conduct_disputes()), as_, as_json, columns)


@providers.command("disputed-findings")
def disputed_findings(as_: As = None, as_json: AsJson = False) -> None:
    """What providers dispute of findings in their records; answered by `inventory keep` or `inventory dismiss`."""
    columns = ("finding_id", "provider_id", "kind", "host", "dispute", "disputed_at")
    act(lambda c: listed(c.access.disputed_findings()), as_, as_json, columns)


@providers.command("dispute")
def dispute(
    provider_id: ProviderId, entry_id: EntryId, reasons: Reasons, as_: As = None, as_json: AsJson = False
) -> None:
    """Say, as the provider, why an entry is wrong, once: it does not count until it is answered."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.access.dispute_conduct(provider_id, entry_id, sent), as_, as_json)


@providers.command("keep")
def keep(provider_id: ProviderId, entry_id: EntryId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Stand by an entry that its provider disputes; otherwise `decisions lift` what entered it."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.access.keep_conduct(provider_id, entry_id, sent), as_, as_json)


@providers.command("order")
def order(
    provider_id: ProviderId,
    sequence: Annotated[int, typer.Argument(help="Its place in the provider's sequence.", min=1)],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """One signed order, for the provider itself: --json in a file is what `concord verify` reads."""

    async def one(concord: Concord) -> SignedOrderView:
        page = await concord.access.feed(provider_id, after=sequence - 1, limit=1)
        if not page.orders:
            raise BadArgument(f"order {sequence} was not given out: the last one is {page.head}")
        return page.orders[0]

    act(one, as_, as_json)


@providers.command("receipts")
def receipts(
    provider_id: ProviderId,
    digest: Annotated[str, typer.Argument(help="SHA-256 of the document, `batch` of each receipt of an order.")],
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """A signed document of receipts with its counter-receipt: --json in a file is what `concord verify` reads."""
    act(lambda c: c.access.receipts(provider_id, digest), as_, as_json)


@providers.command("keys")
def published_keys(provider_id: ProviderId, as_: As = None, as_json: AsJson = False) -> None:
    """The public keys a provider signs with, for everybody; with --json the set that `concord verify` reads."""
    act(lambda c: c.access.provider_keys(provider_id), as_, as_json)


@providers.command("add-key")
def add_key(
    provider_id: ProviderId,
    file: Body,
    reasons: Annotated[
        str | None, typer.Option(help="Of the access desk, where it is not the provider's first key: it is told.")
    ] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Register a provider's public key: FILE is what `concord keys` prints, the key and the proof that you hold it."""
    given = json_object(file)
    if "d" in given or (isinstance(given.get("jwk"), dict) and "d" in given["jwk"]):
        raise BadFile(f"{file} holds a private key: keep it, and give the public one, as `concord keys` prints it")
    sent = body(wire.NewKey, **given, **({"reasons": reasons} if reasons else {}))
    act(lambda c: c.access.add_key(provider_id, sent), as_, as_json)


@providers.command("revoke-key")
def revoke_key(
    provider_id: ProviderId,
    kid: Annotated[str, typer.Argument(help="Id of the key.")],
    reasons: Reasons,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Revoke a key of a provider; what it signed before stays on file. Where the desk does so the provider is told."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.access.revoke_key(provider_id, kid, sent), as_, as_json)


def keys(
    kid: Annotated[str, typer.Argument(help="Id of the key: up to 100 letters, digits or . _ ~ : @ -")],
    file: Annotated[Path, typer.Option(help="Where the private key goes; must not exist.")],
    provider_id: Annotated[UUID, typer.Option(help="Of the provider that signs with it.")],
    vouched_by: Annotated[
        Path | None, typer.Option(help="File of a private key that is in use: with it you enter the new one yourself.")
    ] = None,
) -> None:
    """Make an Ed25519 key pair: the private JWK goes into --file (mode 0600); `providers add-key` reads what it says.

    That is the public one and the proof that this provider holds the other.
    """
    old = Signer(json_object(vouched_by)) if vouched_by else None
    if not KID(kid):
        raise BadArgument(f"{kid!r:.60} cannot be the id of a key: 1 to 100 letters, digits or . _ ~ : @ -")
    jwk = generate_key(kid)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BadFile(f"{file}: {error.strerror}; no key was made") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as target:
        json.dump(jwk, target)
    vouched = {"vouched_by": prove(old, provider_id, jwk["x"])} if old else {}
    sys.stdout.write(json.dumps({"jwk": public(jwk), "proof": prove(Signer(jwk), provider_id), **vouched}) + "\n")
