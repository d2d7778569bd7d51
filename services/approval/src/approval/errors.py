"""Why approval says no: one class per reason; the class name is the problem's code."""

from shared.runtime.base.problems import Conflict, Invalid, NotFound


class UnknownApplication(NotFound):
    """There is no application {application_id}."""


class UnknownServiceItem(Invalid):
    """The rules know no such service item; fields: {names}."""


class ApprovalNotNeeded(Conflict):
    """Service item {service_item} needs no prior approval: register without one."""


class ApplicationPending(Conflict):
    """This operator's application for {service_item} on {domain} is still open: {application_id}."""

    members = frozenset({"application_id"})


class ValidityInPast(Invalid):
    """An approval must end on a day that is still to come; fields: {names}."""
