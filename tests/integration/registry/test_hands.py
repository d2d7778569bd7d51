"""What the register tells of an act names whoever had a hand in it, so that none of them reviews it (ADR 13)."""

from datetime import timedelta
from typing import Any

from shared.contracts.notices import RegistryNoticeIssuedV1
from shared.contracts.registry import ExecutionCarriedOutV1, ExecutionDeclinedV1, ExecutionReceivedV1
from tests.integration.registry.conftest import STATEMENT, Register, a_site, domain, owner, uscc
from tests.integration.registry.test_amendments import REFUSAL
from tests.integration.registry.test_checks import WRONG, provider, strict, waiting  # noqa: F401 - a fixture
from tests.integration.registry.test_mergers import Two
from tests.integration.registry.test_reviews import closed, consented, given, opened, subject_of, suspended
from tests.integration.registry.test_shells import due, lapsed


async def hands(register: Register) -> tuple[str, set[str]]:
    """Of which kind the act was that was told last, and whose hands were in it."""
    told = (await register.told(RegistryNoticeIssuedV1))[-1]
    return told.act.kind, set(told.took_part)


async def test_a_refusal_names_who_applied_what_a_provider_said_and_who_refused(strict: Register) -> None:  # noqa: F811
    submitted = await strict.submitted(a_site(domain()))
    (check,) = await waiting(strict, provider(), status="asked")
    await strict.post(f"/checks/{check['id']}/mismatch", WRONG, provider())
    other = ("Regulator C", {"organisation": "industry-110000", "roles": ["industry_regulator"]})
    await strict.post(f"/registrations/{submitted['id']}/refusal", REFUSAL, other)
    assert await hands(strict) == (
        "refusal",
        {"applicant", f"provider-{provider()[1]['organisation']}", "regulatorc"},
    )


async def test_a_change_that_is_refused_names_who_proposed_and_who_refused_it(register: Register) -> None:
    site = await register.live(code := uscc(41))
    register.clock.advance(timedelta(seconds=1))
    proposed = await register.propose(site, a_site(domain()), owner(code))
    await register.post(f"/amendments/{proposed['id']}/refusal", REFUSAL, "regulator-b")
    assert await hands(register) == ("amendment", {"applicant", "regulator-b"})


async def test_a_lapse_names_who_let_it_lapse_and_no_clock(register: Register) -> None:
    _, finding = await due(register, uscc(42))
    await lapsed(register, finding, who="regulator-b")
    assert await hands(register) == ("lapse", {"regulator-b"})


async def test_a_merger_names_both_who_signed_it_to_either_operator(register: Register) -> None:
    await (await Two.of(register)).merged()
    told = (await register.told(RegistryNoticeIssuedV1))[-2:]
    assert [set(each.took_part) for each in told] == [{"regulator-a", "regulator-b"}] * 2


async def test_the_result_of_a_review_names_whose_opinions_it_rests_on_and_who_carried_out_what_they_cite(
    register: Register,
) -> None:
    site = await consented(register)
    decision = await suspended(register, site)
    review = await opened(register)
    await given(register, await subject_of(register, site), decision, who="drugs-b")
    await closed(register, review)
    kind, names = await hands(register)
    assert (kind, names >= {"drugs-b", "regulator-a", "regulator-b"}) == ("review_result", True)


async def test_an_execution_names_each_of_the_regulator_as_soon_as_they_sign(register: Register) -> None:
    decision = await register.decided(await register.live())
    assert (await register.told(ExecutionReceivedV1))[-1].took_part == ()
    execution = await register.execution(decision)
    body, path = await register.signed(execution), f"/executions/{execution['id']}"
    await register.post(f"{path}/acceptance", body, "regulator-a")
    again = (await register.told(ExecutionReceivedV1))[-1]
    assert (again.took_part, again.due_at) == (("regulator-a",), (await register.told(ExecutionReceivedV1))[0].due_at)
    third: Any = ("regulator-c", {"organisation": "industry-110000", "roles": ["industry_regulator"]})
    await register.post(f"{path}/release", {"reasons": "I looked at another site."}, "regulator-a")
    await register.post(f"{path}/acceptance", body, "regulator-b")
    await register.post(f"{path}/confirmation", body, third)
    done = (await register.told(ExecutionCarriedOutV1))[-1]
    assert done.took_part == ("regulator-a", "regulator-b", "regulator-c")


async def test_a_declined_execution_names_who_declined(register: Register) -> None:
    execution = await register.execution(await register.decided(await register.live()))
    await register.post(f"/executions/{execution['id']}/decline", {"statement": STATEMENT}, "regulator-b")
    assert (await register.told(ExecutionDeclinedV1))[-1].took_part == ("regulator-b",)
