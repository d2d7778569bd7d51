"""Commands of the annual review: the regulator runs it, authorities give opinions, whoever is reviewed reads."""

from typing import Annotated

import typer

from concord.cli.output import As, AsJson, Basis, PublicReasons, Reasons, Redacted, act, body, listed, statement
from concord.sdk.departments.reviews import SubjectKind, SubjectStatus
from shared.contracts.http import reviews as wire
from shared.contracts.http.registry import WithReasons

ReviewId = Annotated[str, typer.Argument(help="Id of the review.")]
SubjectId = Annotated[str, typer.Argument(help="Id of who is under review.")]
OpinionId = Annotated[str, typer.Argument(help="Id of the opinion.")]

reviews = typer.Typer(no_args_is_help=True, help="The annual review: findings with notice and appeal, no measures.")


@reviews.command("announce")
def announce(
    year: Annotated[int, typer.Argument(help="Of which year.")], as_: As = None, as_json: AsJson = False
) -> None:
    """Announce the review of a year; its dates are the profile's."""
    sent = body(wire.NewReview, year=year)
    act(lambda c: c.reviews.announce(sent), as_, as_json)


@reviews.command("list")
def list_reviews(
    as_: As = None,
    as_json: AsJson = False,
    year: Annotated[int | None, typer.Option(help="Only those of this year.")] = None,
) -> None:
    """Reviews, newest first."""
    columns = ("id", "status", "year", "level", "region", "opinions_until", "closes_at")
    act(lambda c: listed(c.reviews.all(year=year)), as_, as_json, columns)


@reviews.command("show")
def show_review(review_id: ReviewId, as_: As = None, as_json: AsJson = False) -> None:
    """One review: how many passed, and how far each authority is."""
    act(lambda c: c.reviews.get(review_id), as_, as_json)


@reviews.command("extend")
def extend(
    review_id: ReviewId,
    authority_id: Annotated[str, typer.Option("--authority", help="Id of the authority.")],
    until: Annotated[str, typer.Option(help="Until when, e.g. 2027-05-15T16:00:00Z.")],
    reasons: Reasons,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Ask one more authority, or give one more time."""
    sent = body(wire.NewWindow, authority_id=authority_id, until=until, reasons=reasons)
    act(lambda c: c.reviews.extend(review_id, sent), as_, as_json)


@reviews.command("finish")
def finish(review_id: ReviewId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Say that your authority gave all its opinions."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.reviews.finish(review_id, sent), as_, as_json)


@reviews.command("close")
def close(review_id: ReviewId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Close a review before its date, once no window is open."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.reviews.close(review_id, sent), as_, as_json)


@reviews.command("subjects")
def subjects(
    as_: As = None,
    as_json: AsJson = False,
    review_id: Annotated[str | None, typer.Option("--review", help="Only those of this review.")] = None,
    status: Annotated[SubjectStatus | None, typer.Option(help="Only those that stand so.")] = None,
    kind: Annotated[SubjectKind | None, typer.Option(help="Only those of this kind.")] = None,
    site_id: Annotated[str | None, typer.Option("--site", help="Only this site.")] = None,
    conflicting: Annotated[bool, typer.Option("--conflicting", help="Only those of whom authorities differ.")] = False,
) -> None:
    """Who is under review: an authority sees all of its level and place, others their own."""
    columns = ("id", "status", "kind", "name", "number", "outcome", "conflicting")
    act(
        lambda c: listed(c.reviews.subjects(
            review_id=review_id, status=status, kind=kind, site_id=site_id, conflicting=conflicting or None
        )),
        as_, as_json, columns,
    )  # fmt: skip


@reviews.command("subject")
def show_subject(subject_id: SubjectId, as_: As = None, as_json: AsJson = False) -> None:
    """One of them: every opinion, the result, and how to challenge it."""
    act(lambda c: c.reviews.subject(subject_id), as_, as_json)


@reviews.command("opine")
def opine(
    subject_id: SubjectId,
    opinion: Annotated[wire.Opinion, typer.Argument(help="pass, cancel_service, close_site, or fail (providers).")],
    basis: Basis,
    reasons: Reasons,
    decision_id: Annotated[str | None, typer.Option("--decision", help="What a failing opinion rests on.")] = None,
    service_item: Annotated[str | None, typer.Option("--item", help="Which, for cancel_service.")] = None,
    public_reasons: PublicReasons = None,
    redacted: Redacted = None,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Give an opinion; a failing one cites a decision that was carried out and stands."""
    sent = body(
        wire.NewOpinion, opinion=opinion, decision_id=decision_id, service_item=service_item,
        statement=statement(basis, reasons, public_reasons, redacted),
    )  # fmt: skip
    act(lambda c: c.reviews.give_opinion(subject_id, sent), as_, as_json)


@reviews.command("opinion")
def show_opinion(opinion_id: OpinionId, as_: As = None, as_json: AsJson = False) -> None:
    """One opinion, whether it stands, and why it fell."""
    act(lambda c: c.reviews.opinion(opinion_id), as_, as_json)


@reviews.command("withdraw")
def withdraw(opinion_id: OpinionId, reasons: Reasons, as_: As = None, as_json: AsJson = False) -> None:
    """Take an opinion back, also after the review."""
    sent = body(WithReasons, reasons=reasons)
    act(lambda c: c.reviews.withdraw_opinion(opinion_id, sent), as_, as_json)
