"""The annual review in every state: reviews, who is under review, and opinions."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from registry.consumer import DEADLINES
from registry.lifecycle import OPINION, REVIEW, OpinionAction, OpinionStatus, ReviewAction, ReviewStatus, SubjectStatus
from registry.policy import OPINION_ACTS, REVIEW_ACTS
from registry.service import reviews
from shared.rules import Level, Role
from shared.runtime.base.context import Caller
from tests.integration.registry.conftest import STATEMENT, Register
from tests.integration.sweep.world import Kind, NoRole, Record, Verb, Words, a_person, beginning

ASKED: Final = {Role.SECTOR_REGULATOR, Role.SECURITY_AUTHORITY}
READERS: Final = {*ASKED, Role.INDUSTRY_REGULATOR, Role.AUDITOR, Role.REVIEW_BODY}
SUBJECTS: Final = {Role.OPERATOR, Role.ACCESS_PROVIDER, Role.DOMAIN_REGISTRAR}
WHY: Final = {"reasons": "Everything that we know was said."}
PASSES: Final = {"opinion": "pass", "statement": STATEMENT}
_PLACE: Final = {"level": "province", "region": "110000"}


def may_read(who: Caller, record: Words) -> bool:
    """Every authority of the place reads a whole review, and those of the whole country every one."""
    if not who.roles & READERS:
        raise NoRole
    return who.level == Level.NATIONAL or who.region == record["region"]


def may_read_subject(who: Caller, record: Words) -> bool:
    """The same, and who is under review."""
    if not who.roles & (READERS | SUBJECTS):
        raise NoRole
    own = bool(who.roles & SUBJECTS) and who.organisation == record["organisation"]
    return own or (bool(who.roles & READERS) and may_read(who, record))


def may_say(who: Caller, record: Words) -> bool:
    """An authority of the very level and place."""
    return bool(who.roles & ASKED) and (who.level, who.region) == (record["level"], record["region"])


def may_run(who: Caller, record: Words) -> bool:
    """The regulator of the very level and place."""
    here = who.level == record["level"] and (who.level == Level.NATIONAL or who.region == record["region"])
    return Role.INDUSTRY_REGULATOR in who.roles and here


def may_announce(who: Caller, _: Words) -> bool:
    """Every industry regulator, for its own level and place."""
    return Role.INDUSTRY_REGULATOR in who.roles


async def _review(register: Register, year: int, status: ReviewStatus, *, over: bool = False) -> str:
    """A review of Beijing in a status, as if it were of another year; ``over``: every window in it is."""
    review = await register.post("/reviews", {"year": 2027}, "regulator-a", 201)
    kinds = {ReviewStatus.ANNOUNCED: (), ReviewStatus.OPEN: (reviews.OPENS,), ReviewStatus.CLOSED: (
        reviews.OPENS, reviews.CLOSES)}  # fmt: skip
    async with register.api.rt.db.transaction() as tx:
        for kind in kinds[status]:
            await DEADLINES[kind](register.api.rt, tx, UUID(review["id"]))
        await tx.execute("UPDATE review SET year = $2 WHERE id = $1", UUID(review["id"]), year)
        if over:
            await tx.execute(
                "UPDATE review_authority SET until = $2 WHERE review_id = $1", UUID(review["id"]),
                register.clock.now() - timedelta(seconds=1),
            )  # fmt: skip
    return str(review["id"])


async def _opinions(register: Register, subjects: list[dict[str, Any]]) -> list[Record]:
    """One in every status, of one authority and a subject each; as if what it rests on had fallen."""
    found = []
    for status, subject in zip(OpinionStatus, subjects, strict=False):
        said = await register.post(f"/review-subjects/{subject['id']}/opinions", PASSES, "drugs-b", 201)
        opinion = said["opinions"][0]["id"]
        async with register.api.rt.db.transaction() as tx:
            await tx.execute("UPDATE review_opinion SET status = $2 WHERE id = $1", UUID(opinion), str(status))
        found.append(Record({"opinion_id": opinion}, _words(subject), status))
    return found


async def kinds_of(register: Register) -> list[Kind]:
    """What the world of the register has of the review."""
    order = (ReviewStatus.CLOSED, ReviewStatus.OPEN, ReviewStatus.ANNOUNCED)
    made = {status: await _review(register, 2020 + place, status) for place, status in enumerate(order)}
    over = await _review(register, 2019, ReviewStatus.OPEN, over=True)
    path = f"/review-subjects?review_id={made[ReviewStatus.OPEN]}&limit=200"
    under = (await register.get(path, "regulator-a"))["items"]
    sites = [each for each in under if each["kind"] == "site"]
    passed = (await register.get(f"/review-subjects?review_id={made[ReviewStatus.CLOSED]}", "regulator-a"))["items"][0]
    subjects = [Record({"subject_id": sites[0]["id"]}, _words(sites[0]), SubjectStatus.UNDER_REVIEW),
                *(Record({"subject_id": each["id"]}, _words(each)) for each in [passed, *under[1:]])]  # fmt: skip
    window = {"authority_id": "drugs-110000", "until": "2027-05-20T00:00:00Z", **WHY}
    return [
        Kind([Record({"review_id": over}, _PLACE, ReviewStatus.OPEN),
              *(Record({"review_id": made[status]}, _PLACE, status) for status in order)], may_read,
             reads=("/reviews/{review_id}",), lists="/reviews", author="auditor", lifecycle=REVIEW,
             acts=REVIEW_ACTS.keys(), verbs=[
                 Verb("POST /reviews/{review_id}/close", "regulator-a", WHY, ReviewAction.CLOSE,
                      waits={"windows_open"}),
                 Verb("POST /reviews/{review_id}/completion", "culture-a", WHY, may=a_person(may_say),
                      where={ReviewStatus.OPEN}, again="already_finished"),
                 Verb("POST /reviews/{review_id}/windows", "regulator-a", window, may=may_run,
                      where={ReviewStatus.OPEN}),
             ]),
        Kind(subjects, may_read_subject, reads=("/review-subjects/{subject_id}",), lists="/review-subjects", verbs=[
            Verb("POST /review-subjects/{subject_id}/opinions", "drugs-a", PASSES, may=a_person(may_say),
                 again="opinion_exists", waits={"opinion_exists"}),
        ]),
        Kind(await _opinions(register, sites[1:]), may_read_subject, reads=("/review-opinions/{opinion_id}",),
             author="auditor", lifecycle=OPINION, acts=OPINION_ACTS.keys(), verbs=[
                 Verb("POST /review-opinions/{opinion_id}/withdrawal", "drugs-a", WHY, OpinionAction.WITHDRAW)]),
        beginning(_PLACE, Verb("POST /reviews", "regulator-a", {"year": 2026 + 1}, may=may_announce,
                               again="review_exists")),
    ]  # fmt: skip


def _words(subject: dict[str, Any]) -> dict[str, Any]:
    return {**_PLACE, "organisation": subject["organisation"]}
