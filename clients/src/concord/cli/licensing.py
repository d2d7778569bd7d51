"""Commands about renewals of licences, providers' checks and the tasks of the company registrar."""

from typing import Annotated

import typer

from concord.cli.output import As, AsJson, Basis, Reasons, RegistrationId, act, body, listed, statement
from concord.sdk.departments.licensing import CheckStatus, RenewalStatus, TaskStatus
from shared.contracts.http.checks import Differs, Mismatch
from shared.contracts.http.licences import RenewalRequest, Renewing
from shared.contracts.http.registrar import Outcome, Report
from shared.contracts.http.registry import Refusing, WithReasons

renewals = typer.Typer(no_args_is_help=True, help="Renewals of licences.")
checks = typer.Typer(no_args_is_help=True, help="What providers are asked about submitted sites.")
registrar_tasks = typer.Typer(no_args_is_help=True, help="What the company registrar is told, and reports.")

RenewalId = Annotated[str, typer.Argument(help="Id of the renewal.")]
CheckId = Annotated[str, typer.Argument(help="Id of the check.")]
TaskId = Annotated[str, typer.Argument(help="Id of the task.")]
Until = Annotated[str, typer.Option("--until", help="The last day, e.g. 2031-11-25.")]
Scope = Annotated[list[str] | None, typer.Option("--item", help="A service item it shall cover; as now if none.")]
Under = Annotated[str | None, typer.Option("--registration", help="Only those of this registration.")]


# --- renewals --------------------------------------------------------------------------------------------------------


@renewals.command("ask")
def ask_renewal(
    registration_id: RegistrationId,
    until: Until,
    reasons: Reasons,
    items: Scope = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Ask for a later last day of a licence; in time, it stays in force until that is decided."""
    sent = body(RenewalRequest, valid_until=until, scope=items or None, reasons=reasons)
    act(lambda c: c.registry.ask_renewal(registration_id, sent), as_, as_json)


@renewals.command("list")
def list_renewals(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[RenewalStatus | None, typer.Option(help="Only those that stand so.")] = None,
    registration: Under = None,
) -> None:
    """Renewals you may see, newest first."""
    columns = ("id", "number", "status", "valid_until", "late", "asked_at")
    act(lambda c: listed(c.registry.renewals(status=status, registration_id=registration)), as_, as_json, columns)


@renewals.command("show")
def show_renewal(renewal_id: RenewalId, as_: As = None, as_json: AsJson = False) -> None:
    """What was asked, and what became of it."""
    act(lambda c: c.registry.get_renewal(renewal_id), as_, as_json)


@renewals.command("grant")
def grant_renewal(
    renewal_id: RenewalId, basis: Basis, reasons: Reasons, as_: As = None, as_json: AsJson = False
) -> None:
    """Renew as it was asked: same number, a later last day."""
    sent = body(Renewing, statement=statement(basis, reasons))
    act(lambda c: c.registry.grant_renewal(renewal_id, sent), as_, as_json)


@renewals.command("refuse")
def refuse_renewal(
    renewal_id: RenewalId, basis: Basis, reasons: Reasons, as_: As = None, as_json: AsJson = False
) -> None:
    """Refuse to renew, in writing; the licence stands until its last day."""
    sent = body(Refusing, statement=statement(basis, reasons))
    act(lambda c: c.registry.refuse_renewal(renewal_id, sent), as_, as_json)


@renewals.command("withdraw")
def withdraw_renewal(renewal_id: RenewalId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Take a renewal back that was asked for."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.registry.withdraw_renewal(renewal_id, sent), as_, as_json)


# --- providers' checks -----------------------------------------------------------------------------------------------


@checks.command("list")
def list_checks(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[CheckStatus | None, typer.Option(help="Only those that stand so; asked waits for you.")] = None,
    registration: Under = None,
) -> None:
    """Checks you may see, newest first: of a provider those that are put to it."""
    columns = ("id", "status", "provider_name", "asked_at", "site_id")
    act(lambda c: listed(c.registry.checks(status=status, registration_id=registration)), as_, as_json, columns)


@checks.command("show")
def show_check(check_id: CheckId, as_: As = None, as_json: AsJson = False) -> None:
    """What was submitted with the provider's name, and what it answered."""
    act(lambda c: c.registry.get_check(check_id), as_, as_json)


@checks.command("verify")
def verify_check(check_id: CheckId, as_: As = None, as_json: AsJson = False) -> None:
    """Say that the facts are as you know them."""
    act(lambda c: c.registry.verify_check(check_id), as_, as_json)


@checks.command("mismatch")
def report_mismatch(
    check_id: CheckId,
    differs: Annotated[list[Differs], typer.Option("--differs", help="What is not as you know it.")],
    reasons: Reasons,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Say what is not as you know it; the operator is told, and the regulator decides all the same."""
    sent = body(Mismatch, differs=differs, reasons=reasons)
    act(lambda c: c.registry.report_mismatch(check_id, sent), as_, as_json)


# --- the company registrar -------------------------------------------------------------------------------------------


@registrar_tasks.command("list")
def list_tasks(
    as_: As = None,
    as_json: AsJson = False,
    status: Annotated[TaskStatus | None, typer.Option(help="Only those that stand so.")] = None,
    registration: Under = None,
) -> None:
    """Tasks you may see, newest first."""
    columns = ("id", "kind", "status", "number", "operator_name", "opened_at")
    act(
        lambda c: listed(c.registry.registrar_tasks(status=status, registration_id=registration)), as_, as_json, columns
    )


@registrar_tasks.command("show")
def show_task(task_id: TaskId, as_: As = None, as_json: AsJson = False) -> None:
    """What the registrar is told, and what it reported."""
    act(lambda c: c.registry.get_registrar_task(task_id), as_, as_json)


@registrar_tasks.command("report")
def report_task(
    task_id: TaskId,
    outcome: Annotated[Outcome, typer.Option(help="What was done.")],
    reasons: Reasons,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Say, as the registrar of the province, what was done."""
    sent = body(Report, outcome=outcome, reasons=reasons)
    act(lambda c: c.registry.report_registrar_task(task_id, sent), as_, as_json)
