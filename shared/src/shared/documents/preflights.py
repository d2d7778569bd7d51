"""Signs answers to providers, and reads one back: enough to judge it offline. Imports nothing a client lacks."""

import json
from collections.abc import Sequence
from datetime import datetime

from pydantic import ValidationError

from shared.contracts.preflights import PREFLIGHT_TYPE, PreflightAnswer
from shared.signing import BadSignature, KeyRing, Signer, unique


def sign_all(answers: Sequence[PreflightAnswer], signer: Signer) -> list[str]:
    """Each as compact JWS: the same answer has the same bytes, alone or among many."""
    return signer.sign_all((each.model_dump_json().encode() for each in answers), PREFLIGHT_TYPE)


def read(jws: str | bytes, keys: KeyRing) -> tuple[PreflightAnswer, str]:
    """Verify an answer and give what it says, and the key that made it. Raises BadSignature, as documents do."""
    verified = keys.verify(jws, PREFLIGHT_TYPE)
    try:
        answer = PreflightAnswer.model_validate(json.loads(verified.payload, object_pairs_hook=unique))
    except (ValidationError, ValueError, RecursionError) as wrong:
        raise BadSignature("malformed", "what was signed is no answer of ours") from wrong
    if verified.owner != answer.issuer.id:
        reason = f"key {verified.kid!r:.100} belongs to {verified.owner!r:.100}, not to {answer.issuer.id!r:.100}"
        raise BadSignature("wrong_issuer", reason)
    return answer, verified.kid


def holds(answer: PreflightAnswer, at: datetime) -> bool:
    """Whether it holds at this time."""
    return answer.as_of <= at < answer.expires
