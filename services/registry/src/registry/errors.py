"""Why the register says no: one class per reason."""

from uuid import UUID

from shared.runtime.base.problems import Conflict, Invalid, NotFound


class UnknownOperator(NotFound):
    """There is no operator {operator_id}."""


class UnknownRegistration(NotFound):
    """There is no registration {registration_id}."""


class UnknownSite(NotFound):
    """There is no site {site_id}."""


class UnknownAccess(NotFound):
    """There is no live access {access_id} of this site."""


class UnknownAmendment(NotFound):
    """There is no amendment {amendment_id}."""


class UnknownExecution(NotFound):
    """There is no execution {execution_id}."""


class UnknownImport(NotFound):
    """There is no import {import_id}."""


class ImportExists(Conflict):
    """There is an import with this id already: send the file to its continuation, or choose another id."""


class ImportOver(Conflict):
    """This import is {status}: there is nothing to go on with; send the file as a new one."""


class ImportRunning(Conflict):
    """This import still runs, or did until a moment ago: ask again in {wait_s} seconds."""

    members = frozenset({"wait_s"})


class ImportTakenOver(Conflict):
    """Somebody went on with this import from another connection: what was not in yet is theirs to send."""


class OtherFile(Conflict):
    """This is not the file that the import began with: its rows before row {next_row} are others.

    Send the file as it was, from its beginning, or this one as a new import.
    """

    members = frozenset({"next_row"})


class TooManyToCheck(Invalid):
    """A dry run holds what it has seen and checks {most} rows at most: split the file, or import it."""

    code = "too_many_to_check"


class OperatorExists(Conflict):
    """An operator with this identity is registered already; use that record, {operator_id}."""

    members = frozenset({"operator_id"})


class LegacyCode(Conflict):
    """The check digit of {number} fails, but such codes were issued before 2016: a second officer must confirm it."""


class NoLegacyCode(Conflict):
    """This operator has no code that anybody must confirm."""


class WrongCode(Conflict):
    """This is not the code that was sent to the address; ask for a new one by setting the address again."""


class CodeSpent(Conflict):
    """No try is left at the code that was sent to the address: ask for a new one by setting the address again."""


class TooManyCodes(Conflict):
    """No more codes are sent to the addresses of this operator today; ask again tomorrow."""


class FilingExists(Conflict):
    """This operator has a filing in this province already: add the site to it, {registration_id}."""

    members = frozenset({"registration_id"})


class NotAdmitted(Conflict):
    """This cannot be entered: {codes}."""

    members = frozenset({"grounds"})


class TooManySites(Conflict):
    """A number can have {most} sites at most."""


class AmendmentPending(Conflict):
    """A change of this is proposed already, {amendment_id}: withdraw it, or wait for its decision."""

    members = frozenset({"amendment_id"})


class UnderMeasure(Conflict):
    """A measure lies on this site, or its execution is being decided: it stays as it is until that ends."""


class NotLive(Conflict):
    """This site is {status}: only a live one can be changed."""


class LastAccess(Conflict):
    """This is the site's only access: deregister the site, or add another access first."""


class NothingChanges(Conflict):
    """The proposal is what holds already."""


class ConsentMissing(Conflict):
    """The receiving operator has not agreed to this transfer yet."""


class SameRegistration(Conflict):
    """A site cannot be transferred to the registration it is under."""


class OtherDesk(Conflict):
    """A site goes to a number of the same level and province only: {number} is on another desk. Register it there."""


class NotSigned(Conflict):
    """What was signed is not what would happen now: read the preview again, and name every site in it.

    The members say what it is now.
    """

    members = frozenset({"preview_digest", "collateral"})


class ItemStillApproved(Conflict):
    """A live approval, {number}, covers {service_item} for this operator: nothing is to be struck; decline, or wait."""

    members = frozenset({"number", "service_item"})


class SubjectGone(Conflict):
    """The site of this decision is {status}: nothing is left to execute; decline with that reason."""


class TimeOver(Conflict):
    """The time that the decision set, {until}, is over: nothing is left to execute; decline with that reason."""


class RegisteredMeanwhile(Conflict):
    """{host} belongs to a registered site by now, {site_id}: decline; a case may be about that site."""

    members = frozenset({"site_id"})


class DecisionMisfit(Exception):
    """A fact about a decision does not fit the decision, or the record, that it names: somebody must look at it."""

    def __init__(self, decision_id: UUID, why: str) -> None:
        super().__init__(f"decision {decision_id}: {why}")


class ValidityWrong(Invalid):
    """A licence says from when until when it holds, and a filing does not: {names}."""


class InvalidValues(Invalid):
    """Some values cannot be right: {names}."""

    code = "invalid"
