"""Register first, connect after: what the register answers a provider before it connects a site, signed.

What stands in the register as asked is a yes. Of anything else the answer says at once how it differs, and what the one
rule of admission has against it, as far as that is public. Nothing that is asked is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from registry.errors import InvalidValues, ProviderNotActive, TooManyQuestions
from registry.policy import POLICY, Act
from registry.service import admission
from registry.service.admission import Candidate, Facts
from registry.service.desk import regulator_for
from registry.service.inventories import faults_of, listed_of
from registry.store import copies, hosted
from registry.store.accesses import Access
from registry.store.claims import Name
from registry.store.copies import Host
from registry.store.hosted import Found
from shared.contracts.base import LONGEST_TEXT
from shared.contracts.grounds import AuthorityRef
from shared.contracts.http.hosted import FindingKind
from shared.contracts.http.preflights import PreflightDetail, PreflightResult, PreflightResults, Question
from shared.contracts.preflights import Asked, PreflightAnswer, Reason
from shared.contracts.quoting import shortened
from shared.documents import preflights as documents
from shared.rules import Level, Rules
from shared.rules.identifiers import InvalidIdentifier, check_uscc
from shared.runtime.acts.documents import Issuing, signer_of
from shared.runtime.acts.runtime import Runtime
from shared.runtime.base.context import Caller
from shared.runtime.base.limiter import Limiter
from shared.runtime.db.postgres import Tx
from shared.runtime.process import issuing

VALID: Final = "preflight_validity"
"""Clock: so long an answer holds."""
NOBODY: Final = UUID(int=0)
_PERSON: Final = "p:"
_WORDS: Final = {
    FindingKind.UNREGISTERED: "no site in the register has {host} or a name above it",
    FindingKind.NUMBER_DIFFERS: "{host} belongs to {site}",
    FindingKind.ADDRESS_DIFFERS: "{site} is not registered at you under all of these addresses",
    FindingKind.REVOKED: "a decision took {site} off the register",
    "operator_differs": "{host} belongs to {site}, which is another operator's",
    "stopped": "a decision stops access to {site}",
}


@dataclass(frozen=True, slots=True)
class State(Issuing):
    """``rt.state`` of this service."""

    questions: Limiter


async def start(rt: Runtime) -> State:
    """Read the keys and begin to count. Raises Failure (exit code 4) if there is no usable file."""
    return State(issuing.opened(rt, "registry"), Limiter(rt.settings.preflight_per_hour))


@dataclass(frozen=True, slots=True)
class _Read:
    """A question as it is compared."""

    asked: Asked
    name: Name
    above: tuple[str, ...]


async def ask(tx: Tx, rt: Runtime, who: Caller, question: Question) -> PreflightDetail:
    """Answer one question.

    Raises Forbidden (403), InvalidValues (422), ProviderNotActive (409), TooManyQuestions (429), IssuerHasNoKey (503).
    """
    provider = await _admitted(tx, rt, who, 1)
    (answer,) = await _answers(tx, rt, provider, [_read(rt.rules, question)])
    (jws,) = _signed(rt, [answer])
    return PreflightDetail(answer=answer.answer, reasons=list(answer.reasons), jws=jws, document=answer)


async def ask_many(tx: Tx, rt: Runtime, who: Caller, questions: Sequence[Any]) -> PreflightResults:
    """Answer many, each as it would be answered alone; one that cannot be is refused by itself.

    Raises Forbidden (403), ProviderNotActive (409), TooManyQuestions (429), IssuerHasNoKey (503).
    """
    provider = await _admitted(tx, rt, who, len(questions))
    read: dict[int, _Read] = {}
    results: dict[int, PreflightResult] = {}
    for index, question in enumerate(questions):
        try:
            read[index] = _read(rt.rules, Question.model_validate(question))
        except (ValidationError, InvalidValues) as error:
            results[index] = PreflightResult(
                index=index, status="refused", code="invalid", message="Not valid.", fields=faults_of(error)
            )
    answers = await _answers(tx, rt, provider, list(read.values()))
    for index, answer, jws in zip(read, answers, _signed(rt, answers), strict=True):
        results[index] = PreflightResult(
            index=index, status="answered", answer=answer.answer, reasons=list(answer.reasons), jws=jws
        )
    said = [each.answer for each in answers]
    return PreflightResults(
        yes=said.count("yes"), no=said.count("no"), refused=len(questions) - len(said),
        results=[results[index] for index in range(len(questions))],
    )  # fmt: skip


async def _admitted(tx: Tx, rt: Runtime, who: Caller, count: int) -> Host:
    """Who asks."""
    try:
        provider = await copies.hosting(tx, UUID(who.organisation))
    except ValueError:
        provider = Host(NOBODY, "", "", copies.UNKNOWN)
    POLICY.require(who, Act.ASK_PREFLIGHT, provider)
    if provider.status not in copies.HOSTING:
        raise ProviderNotActive(provider_id=provider.id)
    state: State = rt.state
    if wait := state.questions.take(provider.provider, count):
        raise TooManyQuestions(retry_after=wait)
    return provider


def _read(rules: Rules, question: Question) -> _Read:
    """A question in the register's own forms. Raises InvalidValues naming each member that is wrong."""
    wrong: list[dict[str, str]] = []
    operator = None
    try:
        operator = check_uscc(question.operator) if question.operator is not None else None
    except InvalidIdentifier as error:
        wrong.append({"field": "operator", "message": error.message})
    try:
        listed = listed_of(rules, question)
    except InvalidValues as error:
        raise InvalidValues([*error.values["fields"], *wrong]) from error
    if wrong:
        raise InvalidValues(wrong)
    asked = Asked(
        host=listed.host, ips=listed.ips, hosting_mode=listed.hosting_mode, number=listed.number, operator=operator
    )
    return _Read(asked, Name(question.host, listed.host, listed.above[-1]), listed.above)


async def _answers(tx: Tx, rt: Runtime, provider: Host, read: Sequence[_Read]) -> list[PreflightAnswer]:
    at = rt.clock.now().replace(microsecond=0)
    found = await hosted.compare(tx, provider.id, [
        {"place": place, "host": each.asked.host, "above": each.above, "ips": each.asked.ips,
         "number": each.asked.number} for place, each in enumerate(read)
    ])  # fmt: skip
    candidates = [_candidate(provider, *pair) for pair in zip(read, found, strict=True)]
    facts = await admission.facts_of(rt, tx, candidates) if candidates else Facts({}, {}, (), (), {}, ())
    issuer, expires = regulator_for(rt, Level.PROVINCE, provider.region), rt.rules.due(VALID, at).due_at
    return [
        _answer(rt.rules, provider, issuer, (at, expires), one, known, _against(rt.rules, facts, candidate, known))
        for one, known, candidate in zip(read, found, candidates, strict=True)
    ]


def _candidate(provider: Host, read: _Read, found: Found) -> Candidate:
    """What would be entered. Addresses and consents of others are nothing that a stranger reads."""
    hosted_at = Access(NOBODY, provider.id, (), read.asked.hosting_mode, provider.region, "live")
    return Candidate(
        read.asked.operator or found.identity or "", found.operator_id or NOBODY, found.region or provider.region,
        found.level or Level.PROVINCE, (read.name,), (), (hosted_at,), site_id=found.site_id,
    )  # fmt: skip


def _against(rules: Rules, facts: Facts, candidate: Candidate, found: Found) -> list[Reason]:
    """What the rule of admission has against it, as far as it is public.

    A site that stands as asked stays with its host until a decision says otherwise, whatever befell its operator.
    """
    stands = found.status == "live" and not found.kinds and candidate.identity == found.identity
    person = candidate.identity.startswith(_PERSON)
    return [
        _reason(each.code, each.message)
        for each in admission.grounds(rules, facts, candidate)
        if each.code == "provider_unlicensed"
        or (each.code == "barred" and not stands and not (person and each.field == "operator"))
    ]


def _reason(code: str, message: str) -> Reason:
    return Reason(code=code, message=shortened(message, LONGEST_TEXT))


def _answer(
    rules: Rules, provider: Host, issuer: AuthorityRef, times: tuple[datetime, datetime], read: _Read, found: Found,
    against: Sequence[Reason],
) -> PreflightAnswer:  # fmt: skip
    asked, codes = read.asked, list(found.kinds)
    if found.status == "stopped":
        codes.append("stopped")
    if found.identity is not None and asked.operator not in {None, found.identity}:
        codes.append("operator_differs")
    said = [_reason(code, _WORDS[code].format(host=asked.host, site=found.site)) for code in codes]
    reasons = (*said, *against)
    return PreflightAnswer(
        asked=asked, provider_id=provider.id, answer="no" if reasons else "yes", reasons=reasons, site=found.site,
        as_of=times[0], expires=times[1], issuer=issuer, profile=rules.ref,
    )  # fmt: skip


def _signed(rt: Runtime, answers: Sequence[PreflightAnswer]) -> list[str]:
    return documents.sign_all(answers, signer_of(rt, answers[0].issuer.id)) if answers else []
