"""Problems: one class per reason, one shape on the wire."""

import pytest

from shared.runtime.base import problems
from shared.runtime.base.problems import Conflict, Invalid, NotFound, Problem, Unauthorized, Unavailable, all_problems


class CabinetLocked(Conflict):
    """The cabinet {cabinet} is locked until
    {until}.

    A second paragraph is for programmers.
    """

    members = frozenset({"until"})


class HTTPGoneQUIC(NotFound):
    """Nothing to fill in."""


def test_the_sentence_is_the_first_paragraph_of_the_docstring_filled_in() -> None:
    problem = CabinetLocked(cabinet="B7", until="noon")
    assert problem.detail == str(problem) == "The cabinet B7 is locked until noon."


def test_code_and_title_follow_from_the_name_and_status_from_the_family() -> None:
    assert (CabinetLocked.code, CabinetLocked.title, CabinetLocked.status) == ("cabinet_locked", "Cabinet locked", 409)
    assert HTTPGoneQUIC.code == "http_gone_quic"


def test_values_the_sentence_does_not_name_and_members_become_members_of_the_document() -> None:
    document = CabinetLocked(cabinet="B7", until="noon", key_at="desk").document(instance="/cabinets/b7", trace_id="ab")
    assert document == {
        "type": "https://concord.example/problems/cabinet_locked",
        "title": "Cabinet locked",
        "status": 409,
        "detail": "The cabinet B7 is locked until noon.",
        "code": "cabinet_locked",
        "instance": "/cabinets/b7",
        "trace_id": "ab",
        "until": "noon",
        "key_at": "desk",
    }


def test_a_missing_value_is_a_mistake_that_shows_at_once() -> None:
    with pytest.raises(TypeError, match="CabinetLocked needs cabinet, until"):
        CabinetLocked()


@pytest.mark.parametrize("name", ["type", "title", "status", "detail", "instance", "code", "trace_id"])
def test_a_value_cannot_replace_what_every_problem_says(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        HTTPGoneQUIC(**{name: "x"})


def test_invalid_names_its_fields_once_each() -> None:
    problem = Invalid(
        [{"field": "a.0.b", "message": "x"}, {"field": "a.0.b", "message": "y"}, {"field": "c", "message": "z"}]
    )
    assert problem.detail == "Not valid: a.0.b, c."
    assert [field["message"] for field in problem.extensions["fields"]] == ["x", "y", "z"]


def test_a_reason_derived_from_invalid_says_its_own_sentence_and_keeps_the_fields() -> None:
    class TooOld(Invalid):
        """Nobody can be {age} years old."""

    problem = TooOld.field("age", "too much", age=200)
    assert problem.detail == "Nobody can be 200 years old."
    assert problem.extensions == {"fields": [{"field": "age", "message": "too much"}]}
    assert (problem.code, problem.status) == ("too_old", 422)


def test_unavailable_says_when_to_ask_again_in_header_and_document() -> None:
    problem = Unavailable(retry_after=7)
    assert problem.headers == {"Retry-After": "7"}
    assert problem.document()["retry_after"] == 7


def test_unauthorized_tells_how_to_authenticate_as_rfc_6750_wants() -> None:
    value = Unauthorized(reason="it has expired").headers["WWW-Authenticate"]
    assert value.startswith('Bearer realm="concord", error="invalid_token", error_description="')
    assert problems.TokenMissing().headers == {"WWW-Authenticate": 'Bearer realm="concord"'}


def test_every_problem_has_a_sentence_a_status_and_a_code() -> None:
    for problem in all_problems():
        assert problem.template, problem
        assert 400 <= problem.status < 600, problem
        assert problem.code.isascii(), problem
        assert problem.code == problem.code.lower(), problem


def test_all_problems_finds_the_ones_defined_anywhere() -> None:
    assert {CabinetLocked, NotFound, Problem.__subclasses__()[0]} <= set(all_problems())
