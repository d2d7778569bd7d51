"""Commands about what shows an entry of the register, about sites that nobody hosts, and about the barred list."""

from pathlib import Path
from typing import Annotated, Any

import typer

from concord.cli.output import As, AsJson, Basis, Reasons, RegistrationId, Version, act, body, failed, listed, statement
from concord.exits import Exit
from concord.files import write
from concord.sdk import BadArgument, Concord
from concord.sdk.barred import BrokenChain, verified
from concord.sdk.departments.entries import ShellStatus
from shared.contracts.http.documents import DocumentView
from shared.contracts.http.marks import MarkView
from shared.contracts.http.registry import Stated, WithReasons

shells = typer.Typer(no_args_is_help=True, help="Sites that nobody hosts. A lapse is no sanction, one site at a time.")

FindingId = Annotated[str, typer.Argument(help="Id of the finding.")]


# --- documents and marks ---------------------------------------------------------------------------------------------


def document(
    registration_id: RegistrationId,
    page: Annotated[Path | None, typer.Option("--pdf", help="Write the page to this file, which must be new.")] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """The signed document of a licence; `concord verify` checks it offline."""

    async def got(concord: Concord) -> DocumentView | dict[str, Any]:
        if page is None:
            return await concord.registry.document(registration_id)
        return _kept(page, await concord.registry.document_page(registration_id))

    act(got, as_, as_json)


def mark(
    registration_id: RegistrationId,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Write the QR code to this file, .svg or .png, which must be new.")
    ] = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """The mark that the sites of a registration can show: its token and address. `concord met` asks what is so now."""

    async def got(concord: Concord) -> MarkView | dict[str, Any]:
        if picture is None:
            return await concord.registry.mark(registration_id)
        form = "png" if picture.suffix == ".png" else "svg"
        return _kept(picture, await concord.registry.mark_picture(registration_id, form))  # type: ignore[arg-type]

    if picture is not None and picture.suffix not in {".svg", ".png"}:
        raise BadArgument(f"{picture}: give the file a name that ends in .svg or .png")
    act(got, as_, as_json)


def met(
    token: Annotated[str, typer.Argument(help="The token of a mark, or the address that its QR code says.")],
    as_json: AsJson = False,
) -> None:
    """What is so now of the registration whose mark you met on a site; the department of your own settings is asked."""
    act(lambda c: c.registry.met(token.strip().rpartition("/marks/")[2]), None, as_json)


def _kept(file: Path, content: bytes) -> dict[str, Any]:
    write(file, content)
    return {"file": str(file), "size": len(content)}


# --- sites that nobody hosts -----------------------------------------------------------------------------------------


@shells.command("list")
def list_shells(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[ShellStatus | None, typer.Option(help="Only those that stand so.")] = None,
) -> None:
    """Findings about sites without access, newest first."""
    columns = ("id", "number", "status", "version", "since", "cure_until", "hosted_now")
    act(lambda c: listed(c.registry.shells(status=status)), as_, as_json, columns)


@shells.command("show")
def show_shell(finding_id: FindingId, as_: As = None, as_json: AsJson = False) -> None:
    """One finding as it is now: since when nobody hosts it, until when that can be mended, what became of it."""
    act(lambda c: c.registry.get_shell(finding_id), as_, as_json)


@shells.command("lapse")
def lapse(
    finding_id: FindingId, version: Version, basis: Basis, reasons: Reasons, as_: As = None, as_json: AsJson = False
) -> None:
    """Let this one site lapse, once its time is over. No sanction; bars nobody; undone in one step (shells undo)."""
    sent = body(Stated, statement=statement(basis, reasons))
    act(lambda c: c.registry.lapse_shell(finding_id, version, sent), as_, as_json)


@shells.command("undo")
def undo(finding_id: FindingId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Give the site back under the same number."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.registry.undo_shell(finding_id, sent), as_, as_json)


@shells.command("dismiss")
def dismiss(finding_id: FindingId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Let it be."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.registry.dismiss_shell(finding_id, sent), as_, as_json)


# --- the barred list -------------------------------------------------------------------------------------------------


def barred_list(
    changes_after: Annotated[
        int | None, typer.Option("--changes-after", min=0, help="Show what changed after this number instead.")
    ] = None,
    kept: Annotated[
        str | None, typer.Option("--hash", help="The hash of that change as you kept it; exits 5 if it is another now.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Who gets no new registration until when, and why; no person is named. Every hash is verified, from the first on.

    Exits 5 if the list is not what its changes make it. Keep number and hash: with them nobody can rewrite the past.
    """
    if kept is not None and changes_after is None:
        raise BadArgument("--hash is of the change that --changes-after names")

    async def read(concord: Concord) -> Any:
        shown, chain = await verified(concord.registry)
        if kept is not None and changes_after is not None:
            chain.require_kept(changes_after, kept)
        if changes_after is None:
            return shown
        return [change for change in chain.changes if change.seq > changes_after]

    try:
        act(read, None, as_json, ("seq", "change", "execution_id", "entry.name", "entry.names", "entry.until", "hash"))
    except BrokenChain as broken:
        failed(f"do not believe it: {broken}")
        raise typer.Exit(Exit.FAILED) from broken
