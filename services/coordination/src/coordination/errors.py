"""Why coordination says no: one class per reason; the class name is the problem's code."""

from shared.runtime.base.problems import Conflict, Invalid, NotFound


class UnknownOrganisation(NotFound):
    """The directory has no organisation {organisation}."""


class UnknownProposal(NotFound):
    """There is no proposal {proposal_id}."""


class OrganisationExists(Conflict):
    """The directory has, or had, an organisation {organisation}: an id is never given a second time."""


class OrganisationInvalid(Invalid):
    """The rules of the directory do not allow this; fields: {names}."""


class PlaceTaken(Conflict):
    """{organisation} is {what} there already: an operator must be able to tell who is competent."""

    members = frozenset({"organisation"})


class OwnOrganisation(Conflict):
    """A coordination office decides neither what it is itself nor its own end: another office does."""
