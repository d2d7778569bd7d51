"""Why access-control says no: one class per reason, turned into HTTP in one place (RFC 9457)."""

from datetime import datetime

from shared.runtime.base.problems import Conflict, Forbidden, Invalid, NotFound, Unavailable


class UnknownProvider(NotFound):
    """There is no provider {provider_id}."""


class UnknownKey(NotFound):
    """Provider {provider_id} has no key {kid}."""


class UnknownOrder(NotFound):
    """There is no order {order}."""


class UnknownInstruction(NotFound):
    """There is no instruction {instruction_id}."""


class UnknownEntry(NotFound):
    """The conduct record of provider {provider_id} has no entry {entry_id}."""


class LicenceTaken(Conflict):
    """A provider with the licence {licence_number} is registered already, {provider_id}."""

    members = frozenset({"provider_id"})


class BadLicence(Invalid):
    """No licence that can be entered: {names}."""


class BadBranch(Invalid):
    """Branches are in provinces of the profile: {names}."""


class NotASandbox(Conflict):
    """Provider {provider_id} is no sandbox: only one gets trial orders, and none becomes one later."""


class IsSandbox(Conflict):
    """Provider {provider_id} is a sandbox: no department knows it, and it has no licence, site or statement."""


class NoSandboxKey(Conflict):
    """This access desk has no key for trial orders: its operator adds one of the organisation `sandbox`."""


class BadTrial(Invalid):
    """No trial order can be made of this: {names}."""


class TooManyTrials(Unavailable):
    """Too many trial orders within an hour: try again in {retry_after} s."""

    status = 429


class TooManyPeriods(Unavailable):
    """Other periods than the last year were counted too often: try again in {retry_after} s. That one is answered."""

    status = 429


class NoWebhook(NotFound):
    """The orders of provider {provider_id} are posted nowhere: it reads its feed, or says where (`PUT`)."""


class TooManyAddresses(Unavailable):
    """The address was changed too often within an hour: try again in {retry_after} s."""

    status = 429


class BadWebhook(Invalid):
    """Orders cannot be posted there: {names}."""


class UnknownLicence(NotFound):
    """Provider {provider_id} has no licence {licence_id}."""


class GivenUp(Conflict):
    """Its provider gave the licence {number} up: enter it anew, with the end that it has now."""


class LicenceShortened(Conflict):
    """This licence holds until {valid_until}: a renewal ends later, and nobody takes a licence away here."""

    members = frozenset({"valid_until"})


class NoSupervisor(Invalid):
    """A public network alone has a supervisor, an organisation of the directory that may be one: {names}."""


class KidTaken(Conflict):
    """Provider {provider_id} already has a key {kid}; a key id is never used twice, even after revocation."""


class KeyTaken(Conflict):
    """This public key is or was registered already; make a new pair."""


class KeyAlreadyRevoked(Conflict):
    """Key {kid} was revoked at {revoked_at}."""


class ReasonsMissing(Invalid):
    """Whoever enters a key for somebody else says why: {names}."""


class SequenceAhead(Conflict):
    """You say you read up to {after}, but only {head} orders were given out; compare the state, take a snapshot."""

    members = frozenset({"after", "head"})


class BadJwk(Invalid):
    """Only a public Ed25519 key (RFC 8037) with what proves it can be registered; not valid: {names}."""


class Undone(Conflict):
    """What this order carries out is undone, or its time is over: nothing can be ordered from it any more."""


class NotToldYet(Conflict):
    """The name is a registered site's by now, whose operator is told first: nothing is sent again before {until}."""


class NobodyLeft(Conflict):
    """All names of this order are another site's by now, and not meant: there is nothing left to order."""


class NotAsked(Conflict):
    """Nobody asked to send this order again: one person asks for it, and another one sends it."""


class AskedAlready(Conflict):
    """Somebody asked already to send this order again: another person sends it."""


class ReissuedAlready(Conflict):
    """This order was sent again already, as {order_id}."""

    members = frozenset({"order_id"})


class RestoreStands(Conflict):
    """Nobody takes a restore back, or agrees that a site stays away that should be back: objections are rejected."""


class NotOverdue(Conflict):
    """The delay for carrying this out has not passed, or it was escalated already."""


class BatchRefused(Invalid):
    """This batch of receipts is not taken ({why}): {reason}."""

    members = frozenset({"why", "reason"})


class TooManyRefused(Unavailable):
    """Too many of your batches were refused within an hour: mend your client, and try again in {retry_after} s."""

    status = 429


class TooManyReaders(Unavailable):
    """Too many readers of this feed are waiting: end some, or ask again in {retry_after} s."""

    status = 429


class UnknownBatch(NotFound):
    """No batch of receipts with this digest was taken from this provider: if it is yours, hand it in again."""


class UnknownEmergency(NotFound):
    """There is no emergency suspension {emergency_id}."""


class EmergencyUnsigned(Invalid):
    """No valid key of this provider signed the statement: {reason}."""

    members = frozenset({"reason"})


class EmergencyInvalid(Invalid):
    """What the statement says is not valid: {names}."""


class EmergencyForeign(Forbidden):
    """The statement is of another provider: each speaks for itself."""


class EmergencyTooLate(Conflict):
    """The time in which an authority confirms it was over on {confirm_by}: host the site again."""

    members = frozenset({"confirm_by"})


class EmergencyReportedAlready(Conflict):
    """This name is suspended already, as {emergency_id}."""

    members = frozenset({"emergency_id"})


class EmergencyLapsed(Conflict):
    """The suspension {emergency_id} of this name ended less than {days} days ago: complain to an authority instead."""

    members = frozenset({"emergency_id"})


class EmergencyGivenBack(Conflict):
    """The order {order_id} about this name was taken back less than {days} days ago: complain to an authority."""

    members = frozenset({"order_id"})


class EmergencyIdTaken(Conflict):
    """The id {emergency_id} is that of another statement, or of something else: choose a new one, at random."""


class NotHosted(Exception):
    """A fact names a provider nobody registered here; the fact is parked until somebody does."""


class Unsigned(Exception):
    """What a fact asks for takes a key that nobody has entered here; the fact is parked, and holds nobody else up."""


class NotReplacedYet(Exception):
    """An order that is out and hits names that are not meant has to wait before it is replaced."""

    def __init__(self, why: str, until: datetime) -> None:
        """``until``: when it is tried again; over, somebody is woken."""
        super().__init__(f"{why}, and it is to spare names of somebody else: waited for until {until.isoformat()}")
        self.until = until
