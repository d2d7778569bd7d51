"""Why the register says no: one class per reason."""

from shared.runtime.base.problems import Conflict, Invalid, NotFound


class UnknownOperator(NotFound):
    """There is no operator {operator_id}."""


class UnknownRegistration(NotFound):
    """There is no registration {registration_id}."""


class UnknownSite(NotFound):
    """There is no site {site_id}."""


class UnknownRevocation(NotFound):
    """There is no revocation {revocation_id}."""


class UnknownRequest(NotFound):
    """There is no revocation request {request_id}."""


class UnknownImport(NotFound):
    """There is no import {import_id}."""


class OperatorExists(Conflict):
    """An operator with the code {uscc} is registered already; use that record, {operator_id}."""

    members = frozenset({"operator_id"})


class DomainTaken(Conflict):
    """The domain {domain} is registered to another site; each domain belongs to one site."""

    members = frozenset({"domain"})


class AddressTaken(Conflict):
    """The address {ip} belongs to a dedicated server of another operator."""

    members = frozenset({"ip"})


class UnknownProvider(Conflict):
    """No licensed provider {provider_id} is known; name one that is (P3.1.4, N4.1.1)."""

    members = frozenset({"provider_id"})


class ApprovalMissing(Conflict):
    """Service item {service_item} on {domain} needs an approval of this operator that is in force (P3.1.1)."""

    members = frozenset({"service_item", "domain"})


class RevocationInProgress(Conflict):
    """A revocation of this registration is already drafted: confirm or withdraw that one."""


class RequestMoot(Conflict):
    """The decision behind this request was overturned or suspended; there is nothing left to carry out."""


class InvalidValues(Invalid):
    """Some values cannot be right: {names}."""

    code = "invalid"
