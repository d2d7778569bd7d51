"""``concord``: the command line for departments, providers and whoever wants to look."""

from typing import Annotated

import typer

from concord.cli import (
    access,
    approval,
    casefile,
    complaints,
    conformance,
    coordination,
    demo,
    drafts,
    enforcement,
    entries,
    executions,
    hosting,
    imports,
    inbox,
    licensing,
    mergers,
    names,
    papers,
    providers,
    query,
    redress,
    registry,
    reviews,
    verify,
)
from concord.cli.output import MOST, Commands, most_shown
from concord.exits import table

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Work with Concord. Locally, `--as NAME` signs you in; the password is the name. --json answers in JSON.",
    epilog="\b\n" + table(),
)


@app.callback()
def before(most: Annotated[int, typer.Option(min=1, help="Entries that a list shows.")] = MOST) -> None:
    """What goes for every command, and stands before it."""
    most_shown.set(most)


app.add_typer(approval.approvals, name="approvals")
app.add_typer(papers.papers, name="papers")
app.add_typer(registry.operators, name="operators")
app.add_typer(registry.registrations, name="registrations")
app.add_typer(registry.sites, name="sites")
app.add_typer(registry.amendments, name="amendments")
app.add_typer(licensing.renewals, name="renewals")
app.add_typer(licensing.checks, name="checks")
app.add_typer(licensing.registrar_tasks, name="registrar-tasks")
app.add_typer(mergers.mergers, name="mergers")
app.add_typer(entries.shells, name="shells")
app.add_typer(executions.executions, name="executions")
app.add_typer(reviews.reviews, name="reviews")
app.add_typer(enforcement.cases, name="cases")
app.add_typer(enforcement.decisions, name="decisions")
app.add_typer(casefile.tasks, name="tasks")
app.add_typer(casefile.opinions, name="opinions")
app.add_typer(enforcement.appeals, name="appeals")
app.add_typer(complaints.complaints, name="complaints")
app.add_typer(complaints.matters, name="matters")
app.add_typer(complaints.warnings, name="warnings")
app.add_typer(complaints.emergencies, name="emergencies")
app.add_typer(redress.hearings, name="hearings")
app.add_typer(redress.requests, name="regulator-requests")
app.add_typer(redress.referrals, name="referrals")
app.add_typer(coordination.organisations, name="organisations")
app.add_typer(inbox.inbox, name="inbox")
app.add_typer(names.names, name="names")
app.add_typer(providers.providers, name="providers")
app.add_typer(hosting.inventory, name="inventory")
app.add_typer(access.orders, name="orders")
app.add_typer(access.instructions, name="instructions")
enforcement.decisions.command("texts")(drafts.texts)
enforcement.decisions.command("comment")(drafts.comment)
enforcement.decisions.command("return")(drafts.return_draft)
enforcement.decisions.command("answer")(drafts.answer)
enforcement.decisions.command("orders")(drafts.orders)
enforcement.decisions.command("document")(drafts.document)
registry.registrations.command("import")(imports.import_file)
registry.registrations.command("move")(mergers.move)
registry.registrations.command("document")(entries.document)
registry.registrations.command("mark")(entries.mark)
registry.operators.command("merge")(mergers.merge)
for name, of_case in casefile.OF_CASES.items():
    enforcement.cases.command(name)(of_case)
enforcement.decisions.command("custody")(casefile.custody)
for command in (
    query.lookup,
    query.bulk,
    query.register,
    query.whoami,
    query.status,
    providers.keys,
    inbox.mails,
    verify.verify,
    entries.met,
    hosting.preflight,
    entries.barred_list,
):
    app.command()(command)
app.command("conformance")(conformance.conformance)
app.command("demo")(demo.command)

if __name__ == "__main__":
    app()
