"""A batch of applications: up to a thousand, each judged by the one rule of admission and put on its desk, or not.

Operators send their own, the regulator those of its province's operators. Providers send none: whoever hosted a site
could take its operator's one filing and its names (docs/adr/0010).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from registry.errors import FilingExists, OperatorMerged, TooManySites, UnknownOperator, UnknownRegistration
from registry.lifecycle import SiteStatus, Status
from registry.policy import POLICY, Act
from registry.service import admission, submissions_entered
from registry.service.admission import Candidate, Facts
from registry.service.operators import require_confirmed
from registry.service.submissions_entered import Accepted
from registry.store import batches, copies, sites
from registry.store import registrations as register
from registry.store.copies import Provider
from registry.store.operators import Operator
from registry.store.registrations import Owned, Registration
from registry.store.sites import Site
from shared.contracts.http.batches import (
    AnotherSite,
    Batch,
    FieldFound,
    Submission,
    SubmissionResult,
    SubmissionResults,
)
from shared.contracts.http.registry import MOST_SITES, GroundFound, NewRegistration, RegistrationKind
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.ids import uuid7
from shared.runtime.base.problems import Conflict, Forbidden, Invalid, NotFound
from shared.runtime.db.postgres import Tx

NEW: Final = TypeAdapter(NewRegistration)
ANOTHER: Final = TypeAdapter(AnotherSite)
REFUSALS: Final = (Conflict, Forbidden, Invalid, NotFound)
"""What stands against one record, and stops no other."""


@dataclass(slots=True)
class Known:
    """What the register has of everything that a batch names, held; and what the batch took so far."""

    operators: Mapping[UUID, Operator]
    merged: Mapping[UUID, UUID]
    registrations: dict[UUID, Registration]
    last: dict[UUID, int]
    """Registration → its last site number."""
    providers: Mapping[UUID, Provider]
    facts: Facts = field(default_factory=lambda: Facts({}, {}, (), (), {}, ()))
    sites: Mapping[UUID, Site] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    dedicated: dict[str, UUID] = field(default_factory=dict)
    shared: dict[str, set[UUID]] = field(default_factory=dict)

    filings: dict[tuple[UUID, str], UUID] = field(default_factory=dict)
    """Operator and province → the filing that it has there, or asks for; also by this batch."""

    def __post_init__(self) -> None:
        """Note the filings."""
        for registration in self.registrations.values():
            self.note(registration)

    def note(self, registration: Registration) -> None:
        """A filing is its operator's one in the province."""
        open_ = registration.status in {Status.SUBMITTED, Status.ACTIVE}
        if registration.kind == RegistrationKind.FILING and open_:
            self.filings[registration.operator_id, registration.region] = registration.id


async def submit(tx: Tx, rt: Runtime, who: Caller, body: Batch) -> SubmissionResults:
    """Submit a batch; each record has its result, and one that is refused costs no other.

    Raises RoleMissing (403) for whoever submits nothing; TryAgain (503) where somebody took one of the names or
    addresses at this very moment: then nothing is submitted, and the same batch can be sent again.
    """
    POLICY.reach(who, Act.SUBMIT)
    results: dict[int, SubmissionResult] = {}
    parsed: dict[int, Submission] = {}
    for index, record in enumerate(body.records):
        try:
            parsed[index] = _parsed(record)
        except ValidationError as error:
            results[index] = SubmissionResult(
                index=index, status="refused", code="invalid", message="Not valid.", fields=_fields(error)
            )
    known = await _known(tx, parsed.values())
    asked: dict[int, tuple[Owned, Candidate]] = {}
    for index, submission in parsed.items():
        try:
            asked[index] = _asked(rt, who, known, submission)
        except REFUSALS as refusal:
            results[index] = _refused(index, refusal)
    known.facts = (
        await admission.facts_of(rt, tx, [candidate for _, candidate in asked.values()]) if asked else known.facts
    )
    known.sites = await sites.many(tx, {site_id for site_id, _ in known.facts.holders.values()})
    accepted: list[Accepted] = []
    for index, (owned, candidate) in asked.items():
        try:
            found = _there(known, parsed[index], candidate)
            if found is not None:
                results[index] = SubmissionResult(
                    index=index, status="unchanged", registration_id=found.registration_id, site_id=found.id
                )
            else:
                accepted.append(_accept(rt, known, index, parsed[index], owned, candidate))
        except REFUSALS as refusal:
            results[index] = _refused(index, refusal)
    results |= await submissions_entered.enter(tx, rt, who, accepted, known.last) if accepted else {}
    listed = [results[index] for index in range(len(body.records))]
    count = {status: sum(each.status == status for each in listed) for status in ("submitted", "unchanged", "refused")}
    return SubmissionResults(**count, results=listed)


def _parsed(record: Any) -> Submission:
    """One record as it is meant. Raises ValidationError that names its members."""
    further = isinstance(record, dict) and "registration_id" in record
    return (ANOTHER if further else NEW).validate_python(record)


async def _known(tx: Tx, submissions: Any) -> Known:
    """Hold what the batch names: operators first, then registrations, each in the order in which everybody does."""
    listed: list[Submission] = list(submissions)
    further = {each.registration_id for each in listed if isinstance(each, AnotherSite)}
    owners = await batches.owners(tx, further)
    ids = {each.operator_id for each in listed if isinstance(each, NewRegistration)} | set(owners.values())
    held = await batches.hold_operators(tx, ids)
    registered = await batches.hold_registrations(tx, further, ids)
    return Known(
        operators=held, merged=await batches.merged(tx, ids),
        registrations={each.id: each for each, _ in registered}, last={each.id: last for each, last in registered},
        providers=await copies.providers(tx, {a.provider_id for each in listed for a in each.site.accesses}),
    )  # fmt: skip


def _asked(rt: Runtime, who: Caller, known: Known, submission: Submission) -> tuple[Owned, Candidate]:
    """Whose it is, and what would be entered.

    Raises UnknownOperator, UnknownRegistration, Forbidden, LegacyCode, OperatorMerged, ActionRefused, InvalidValues.
    """
    if isinstance(submission, AnotherSite):
        owned, existing = _under_number(who, known, submission), submission.registration_id
    else:
        owned, existing = _of_operator(rt, who, known, submission), None
    candidate = admission.candidate_with(
        rt.rules, known.providers, submission.site, identity=owned.operator.identity, operator_id=owned.operator.id,
        region=owned.region, level=owned.level, registration_id=existing, where="site.",
    )  # fmt: skip
    return owned, candidate


def _under_number(who: Caller, known: Known, submission: AnotherSite) -> Owned:
    registration = known.registrations.get(submission.registration_id)
    if registration is None or registration.operator_id not in known.operators:
        raise UnknownRegistration(registration_id=submission.registration_id)
    owned = Owned(registration, known.operators[registration.operator_id])
    POLICY.require(who, Act.PROPOSE, owned)
    if registration.status is not Status.ACTIVE:
        register.MOVES.lifecycle.refuse(registration.status, "add_site")
    return owned


def _of_operator(rt: Runtime, who: Caller, known: Known, submission: NewRegistration) -> Owned:
    operator = known.operators.get(submission.operator_id)
    if operator is None:
        raise UnknownOperator(operator_id=submission.operator_id)
    POLICY.require(who, Act.SUBMIT, operator)
    require_confirmed(operator)
    if operator.id in known.merged:
        raise OperatorMerged(survivor_id=str(known.merged[operator.id]))
    at = rt.clock.now()
    new = Registration(
        uuid7(), 1, operator.id, submission.kind, submission.level, operator.region, Status.SUBMITTED, None, None,
        None, None, None, who.person, operator.identity == who.organisation, at, at,
    )  # fmt: skip
    return Owned(new, operator)


def _there(known: Known, submission: Submission, candidate: Candidate) -> Site | None:
    """The site that is asked for, or entered, just so already: a batch that is sent twice changes nothing."""
    held = {known.facts.holders.get(name.ascii, (None, None))[0] for name in candidate.names}
    site = known.sites.get(next(iter(held))) if len(held) == 1 else None  # type: ignore[arg-type]
    if site is None or site.status not in {SiteStatus.PROPOSED, SiteStatus.LIVE}:
        return None
    registration = known.registrations.get(site.registration_id)
    if registration is None or registration.operator_id != candidate.operator_id:
        return None
    if isinstance(submission, AnotherSite):
        same = registration.id == submission.registration_id
    else:
        same = (registration.kind, registration.level) == (submission.kind, submission.level)
    says = (submission.site.name, {name.ascii for name in candidate.names}, candidate.items)
    hosted = {access.where for access in candidate.accesses}
    as_it_is = (site.name, set(site.domains), site.service_items)
    return site if same and says == as_it_is and hosted == {access.where for access in site.accesses} else None


def _accept(
    rt: Runtime, known: Known, index: int, submission: Submission, owned: Owned, candidate: Candidate
) -> Accepted:
    """Take a record into the batch. Raises FilingExists, TooManySites, NotAdmitted; then nothing of it is taken."""
    registration, further = owned.registration, isinstance(submission, AnotherSite)
    if not further and registration.kind == RegistrationKind.FILING:
        filing = known.filings.get((registration.operator_id, registration.region))
        if filing is not None:
            raise FilingExists(registration_id=str(filing))
    admission.raise_for([*admission.grounds(rt.rules, known.facts, candidate), *_in_batch(known, candidate)])
    if known.last.get(registration.id, 0) >= MOST_SITES:
        raise TooManySites(most=MOST_SITES)
    known.note(registration)
    known.last[registration.id] = known.last.get(registration.id, 0) + 1
    known.names |= {name.ascii for name in candidate.names}
    for access in candidate.accesses:
        for ip in access.ips:
            if access.dedicated:
                known.dedicated[ip] = candidate.operator_id
            else:
                known.shared.setdefault(ip, set()).add(candidate.operator_id)
    return Accepted(index, submission, owned, candidate, known.last[registration.id])


def _in_batch(known: Known, candidate: Candidate) -> list[GroundFound]:
    """What earlier records of the batch hold already: the same grounds as of what the register holds."""
    found = [
        GroundFound(code="domain_taken", field=f"domains.{place}", message=f"{name.ascii} is an earlier record's")
        for place, name in enumerate(candidate.names) if name.ascii in known.names
    ]  # fmt: skip
    for place, access in enumerate(candidate.accesses):
        for ip in access.ips:
            alone = known.dedicated.get(ip, candidate.operator_id) != candidate.operator_id
            crowded = access.dedicated and known.shared.get(ip, set()) - {candidate.operator_id}
            if alone or crowded:
                message = f"{ip}: an address of a dedicated server serves one operator only; an earlier record has it"
                found.append(GroundFound(code="address_taken", field=f"accesses.{place}.ips", message=message))
    return found


def _refused(index: int, refusal: Conflict | Forbidden | Invalid | NotFound) -> SubmissionResult:
    """Why, as it would be told if the record were sent alone."""
    says = refusal.extensions
    return SubmissionResult(
        index=index, status="refused", code=refusal.code, message=refusal.detail,
        grounds=[GroundFound.model_validate(each) for each in says.get("grounds", ())],
        fields=[FieldFound.model_validate(each) for each in says.get("fields", ())],
        registration_id=says.get("registration_id"),
    )  # fmt: skip


def _fields(error: ValidationError) -> list[FieldFound]:
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return [
        FieldFound(field=".".join(str(part) for part in each["loc"]) or "record", message=each["msg"])
        for each in found[:20]
    ]
