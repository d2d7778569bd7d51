"""What each action of every table of states tells whom it concerns: kinds of notices, or why there is none.

``Kinds``: at least one of these is issued each time. ``Nobody``: none is, for this reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Nobody:
    """Nobody is told, and why nobody need be."""

    why: str


Kinds = frozenset[str]
Told = Kinds | Nobody


def kinds(*names: str) -> Kinds:
    """Kinds of notices."""
    return frozenset(names)


OWN: Final = Nobody("whom it concerns does it, and has the answer")
FOLLOWS: Final = Nobody("it follows from another act, of which they are told")
INSIDE: Final = Nobody("it concerns nobody outside yet, or takes nothing and asks nothing")
ORDER: Final = Nobody("the host reads it in its signed order's topic; whom it burdens hears of it from the register")
RECORD: Final = Nobody("the directory has no inbox: an organisation reads its own record, and all hear of each change")
REMARK: Final = Nobody("it is said inside the authority of what nobody released; the draft is as it was told")
COMPLAINANTS: Final = Nobody("a worker writes to whoever left an address, and everybody reads their own status")
APPROVAL: Final[Mapping[tuple[str, str], Told]] = {
    ("approval", "hand_in"): OWN,
    ("approval", "resubmit"): OWN,
    ("approval", "ask_renewal"): OWN,
    ("approval", "return"): kinds("returned"),
    ("approval", "transfer"): kinds("transferred"),
    ("approval", "grant"): kinds("granted"),
    ("approval", "refuse"): kinds("refused"),
    ("approval", "find_not_required"): kinds("not_required"),
    ("approval", "renew"): kinds("renewed"),
    ("approval", "refuse_renewal"): kinds("renewal_refused"),
    ("approval", "lapse"): kinds("lapsed"),
    ("approval", "end"): kinds("ended"),
    ("approval", "reinstate"): kinds("reinstated"),
    ("approval", "reinstate_renewal"): kinds("reinstated"),
    ("approval", "reopen"): kinds("reopened"),
    ("approval", "reopen_renewal"): kinds("reopened"),
    ("paper_approval", "confirm"): kinds("granted"),
    ("paper_approval", "withdraw"): INSIDE,
}
ENFORCEMENT: Final[Mapping[tuple[str, str], Told]] = {
    ("case", "add_evidence"): Nobody("a case is an accusation, and nobody's business before a draft (ADR 8)"),
    ("case", "draft_decision"): kinds("decision_intended"),
    ("case", "discontinue"): Nobody("whoever was told of a draft is told that it was withdrawn; nobody else knows"),
    ("case", "end"): FOLLOWS,
    ("decision", "release"): kinds("decision_released"),
    ("decision", "withdraw"): kinds("decision_withdrawn"),
    ("decision", "execute"): Nobody("the register tells them that it was carried out"),
    ("decision", "decline"): kinds("decision_declined"),
    ("decision", "confirm_corrected"): kinds("decision_corrected"),
    ("decision", "confirm_ignored"): kinds("decision_ignored"),
    ("decision", "lift"): kinds("decision_lifted"),
    ("decision", "lapse"): kinds("decision_lapsed"),
    ("decision", "suspend"): kinds("decision_suspended"),
    ("decision", "overturn"): kinds("appeal_decided"),
    ("decision", "appeal"): OWN,
    ("appeal", "uphold"): kinds("appeal_decided"),
    ("appeal", "reject"): kinds("appeal_decided"),
    ("appeal", "decide_stay"): kinds("stay_decided", "decision_suspended"),
    ("appeal", "admit"): kinds("appeal_admitted"),
    ("appeal", "assign"): INSIDE,
    ("appeal", "hand_in"): Nobody("both sides read the papers of an appeal, and the decision says what it rests on"),
    ("appeal", "invite"): kinds("hearing_invited"),
    ("appeal", "withdraw_appeal"): kinds("appeal_withdrawn"),
    ("case", "add_task"): INSIDE,
    ("case", "ask_opinion"): kinds("opinion_asked"),
    ("case", "claim"): INSIDE,
    ("case", "release_claim"): INSIDE,
    ("case", "transfer"): kinds("case_received", "case_transferred"),
    ("decision", "answer"): REMARK,
    ("decision", "comment"): REMARK,
    ("decision", "return"): REMARK,
    ("emergency", "confirm"): Nobody("the decision that confirms it was told with its release"),
    ("emergency", "lapse"): kinds("emergency_lapsed"),
    ("hearing", "cancel"): kinds("hearing_cancelled"),
    ("hearing", "record"): kinds("hearing_held"),
    ("matter", "dismiss"): COMPLAINANTS,
    ("matter", "end"): COMPLAINANTS,
    ("matter", "open_case"): INSIDE,
    ("matter", "transfer"): kinds("matter_received"),
    ("matter", "triage"): INSIDE,
    ("matter", "warn"): kinds("warning"),
    ("opinion", "answer"): kinds("opinion_answered", "opinions_differ"),
    ("opinion", "withdraw"): Nobody("whoever was asked has nothing left to do, and their list says so"),
    ("referral", "sign"): kinds("referral_sent", "referred"),
    ("referral", "receive"): INSIDE,
    ("referral", "answer"): kinds("referral_answered"),
    ("referral", "withdraw_referral"): INSIDE,
    ("regulator_request", "accept"): kinds("request_accepted"),
    ("regulator_request", "decline"): kinds("request_declined"),
    ("regulator_request", "forward"): kinds("request_forwarded"),
    ("regulator_request", "withdraw_request"): Nobody("whoever was asked has nothing left to do: see their list"),
    ("task", "assign"): INSIDE,
    ("task", "cancel"): INSIDE,
    ("task", "complete"): INSIDE,
    ("warning", "answer"): OWN,
    ("name_subscription", "look"): OWN,
    ("name_subscription", "end"): OWN,
    ("name_subscription", "prove"): kinds("subscription_confirmed"),
    ("name_subscription", "show"): kinds("subscription_code"),
    ("name_subscription", "send_code"): kinds("subscription_code"),
    ("name_subscription", "confirm"): OWN,
    ("name_subscription", "expire"): Nobody("the name was never theirs, as far as anybody knows"),
    ("name_subscription", "lose"): kinds("subscription_ended"),
}
REGISTRY: Final[Mapping[tuple[str, str], Told]] = {
    ("registration", "grant"): kinds("granted", "granted_for_less"),
    ("registration", "refuse"): kinds("refused"),
    ("registration", "forward"): kinds("forwarded"),
    ("registration", "lapse"): kinds("lapsed"),
    ("registration", "revive"): kinds("revived", "renewed"),
    ("registration", "reopen"): kinds("reopened"),
    ("registration", "end"): FOLLOWS,
    ("registration", "restore"): FOLLOWS,
    ("site", "deregister"): OWN,
    ("site", "enter"): FOLLOWS,
    ("site", "drop"): FOLLOWS,
    ("site", "reopen"): FOLLOWS,
    ("site", "lapse"): kinds("shell_lapsed"),
    ("site", "restore"): kinds("shell_undone"),
    ("site", "revoke"): kinds("executed"),
    ("site", "stop"): kinds("executed"),
    ("site", "resume"): kinds("undone"),
    ("site", "reinstate"): kinds("undone"),
    ("site", "move_home"): FOLLOWS,
    ("site", "transfer"): kinds("amendment_granted"),
    ("amendment", "grant"): kinds("amendment_granted"),
    ("amendment", "refuse"): kinds("amendment_refused"),
    ("amendment", "return"): kinds("amendment_returned"),
    ("amendment", "withdraw"): OWN,
    ("amendment", "lapse"): kinds("amendment_lapsed"),
    ("amendment", "defer"): kinds("amendment_granted"),
    ("amendment", "take_effect"): kinds("amendment_effective"),
    ("amendment", "reopen"): kinds("reopened"),
    ("execution", "accept"): INSIDE,
    ("execution", "release"): INSIDE,
    ("execution", "decline"): Nobody("enforcement tells them: decision_declined"),
    ("execution", "confirm"): kinds("executed"),
    ("execution", "close"): INSIDE,
    ("execution", "undo"): kinds("undone"),
    ("review", "open"): kinds("review_opened"),
    ("review", "close"): kinds("review_closed", "review_vetoed"),
    ("review_subject", "pass"): INSIDE,
    ("review_subject", "leave"): FOLLOWS,
    ("review_subject", "veto"): kinds("review_vetoed"),
    ("review_subject", "clear"): kinds("review_cleared"),
    ("review_opinion", "withdraw"): kinds("opinion_fell"),
    ("review_opinion", "fall"): kinds("opinion_fell"),
    ("shell_finding", "mature"): INSIDE,
    ("shell_finding", "cure"): OWN,
    ("shell_finding", "dismiss"): kinds("shell_dismissed"),
    ("shell_finding", "lapse"): kinds("shell_lapsed"),
    ("shell_finding", "undo"): kinds("shell_undone"),
    ("renewal", "grant"): kinds("renewed"),
    ("renewal", "refuse"): kinds("renewal_refused"),
    ("renewal", "reopen"): kinds("reopened"),
    ("renewal", "withdraw"): OWN,
    ("check", "verify"): INSIDE,
    ("check", "report_mismatch"): kinds("check_mismatch"),
    ("check", "expire"): INSIDE,
    ("check", "close"): FOLLOWS,
    ("hosted_finding", "answer"): Nobody("the regulator's list says so"),
    ("hosted_finding", "insist"): kinds("hosted_insisted"),
    ("hosted_finding", "keep"): kinds("hosted_kept"),
    ("hosted_finding", "dismiss"): kinds("hosted_dismissed"),
    ("hosted_finding", "escalate"): kinds("hosted_escalated"),
    ("hosted_finding", "cure"): OWN,
    ("registrar_task", "answer"): kinds("registrar_report"),
    ("registrar_task", "withdraw"): FOLLOWS,
    ("merger", "confirm"): kinds("merged"),
    ("merger", "withdraw"): kinds("merger_withdrawn"),
    ("merger", "undo"): kinds("merger_undone"),
}
BEGUN: Final[Mapping[str, Mapping[str, Told]]] = {
    "approval": {}, "enforcement": {"decision": kinds("decision_intended"), "appeal": kinds("appeal_entered")},
    "registry": {
        "shell_finding": kinds("shell_found"), "review_opinion": kinds("review_opinion"),
        "merger": kinds("merger_intended"), "bar": kinds("barred", "unbarred"),
        "hosted_finding": kinds("hosted_found", "hosted_otherwise"),
    },
}  # fmt: skip
"""What tells of a beginning, by aggregate: these are no moves."""
TABLES: Final[Mapping[str, Mapping[tuple[str, str], Told]]] = {
    "approval": APPROVAL, "enforcement": ENFORCEMENT, "registry": REGISTRY, "query": {},
}  # fmt: skip
WITHOUT_INBOX: Final[Mapping[str, Nobody]] = {"access-control": ORDER, "coordination": RECORD}
SOMETIMES: Final = frozenset({("review_opinion", "withdraw")})
"""Of these the world has one, too, that concerns nobody: an opinion in somebody's favour."""
NAMED: Final[Mapping[str, Kinds]] = {
    "registry": kinds(
        "granted", "granted_for_less", "refused", "forwarded", "reopened", "lapsing", "lapsed", "revived", "renewed",
        "renewed_for_less", "renewal_refused", "amendment_granted", "amendment_refused", "amendment_returned",
        "amendment_proposed", "amendment_lapsed", "renewal_asked",
        "amendment_effective", "amendment_held_back", "move_proposed", "moved", "shell_found", "shell_hosted",
        "shell_lapsed", "shell_undone", "shell_dismissed", "review_opinion", "opinion_fell", "review_vetoed",
        "review_cleared", "merger_intended", "merged", "merger_withdrawn", "merger_undone", "deregistered",
    ),
}  # fmt: skip
"""What is told of names as well, for those who hold them; each time but where it is about no site."""
NAMELESS: Final = kinds(
    "amendment_granted", "amendment_refused", "amendment_returned", "amendment_effective", "amendment_proposed",
    "review_opinion", "opinion_fell", "review_vetoed", "review_cleared", "reopened",
)  # fmt: skip
"""Of these some are about an operator or a provider, and not about a name."""
