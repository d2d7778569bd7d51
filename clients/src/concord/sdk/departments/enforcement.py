"""Cases, evidence, decisions and appeals."""

from collections.abc import AsyncIterator
from typing import Literal

from concord.sdk.answers import at, model_of
from concord.sdk.departments.base import Id, Json
from concord.sdk.departments.casefile import CaseFiles
from concord.sdk.departments.redress import Redress
from shared.contracts.http import enforcement as wire
from shared.contracts.http.decisions import OrdersPreview, StandardTexts
from shared.contracts.http.documents import DocumentView
from shared.contracts.http.subscriptions import Code, NewSubscription, SubscriptionView

AppealStatus = Literal["open", "upheld", "rejected", "withdrawn", "refused"]


class Enforcement(CaseFiles, Redress):
    """Cases, decisions and appeals."""

    async def open_case(self, body: wire.NewCase) -> wire.CaseView:
        """Open a case about a registered site, a found one, an operator or a provider."""
        return await self._post(wire.CaseView, "/cases", body)

    async def get_case(self, case_id: Id) -> wire.CaseView:
        """A case with its evidence and decisions."""
        return await self._get(wire.CaseView, at("cases", case_id))

    async def discontinue(self, case_id: Id, body: wire.Stated) -> wire.CaseView:
        """End a case without a decision, with reasons."""
        return await self._post(wire.CaseView, at("cases", case_id, "discontinuation"), body)

    async def add_evidence(
        self, case_id: Id, content: bytes, media_type: str, *, confidential: str | None = None
    ) -> wire.EvidenceView:
        """Put evidence on file; the answer names its SHA-256. The same bytes again are the same evidence.

        ``confidential``: why whom a decision burdens may not read it, which they read instead.
        """
        path, headers = at("cases", case_id, "evidence"), {"Content-Type": media_type}
        params = {"confidential": confidential} if confidential is not None else {}
        answer = await self._concord.call(self.service, "POST", path, content=content, headers=headers, params=params)
        return model_of(answer, wire.EvidenceView)

    async def cited_evidence(self, decision_id: Id) -> wire.CitedEvidence:
        """What a decision rests on, for whom it burdens too; and why a piece is withheld."""
        return await self._get(wire.CitedEvidence, at("decisions", decision_id, "evidence"))

    async def evidence(self, sha256: str) -> bytes:
        """The bytes of a piece of evidence; whom a decision burdens reads what it cites."""
        return (await self._concord.call(self.service, "GET", at("evidence", sha256))).content

    async def draft(self, case_id: Id, body: wire.NewDecision) -> wire.DecisionView:
        """Draft a decision; whom it burdens is told, and the answer shows whom else it touches."""
        return await self._post(wire.DecisionView, at("cases", case_id, "decisions"), body)

    async def get_decision(self, decision_id: Id) -> wire.DecisionView:
        """One decision, and what became of it."""
        return await self._get(wire.DecisionView, at("decisions", decision_id))

    async def release(self, decision_id: Id, body: wire.Release) -> wire.DecisionView:
        """Release a decision, as a second person who has looked at its preview."""
        return await self._post(wire.DecisionView, at("decisions", decision_id, "release"), body)

    async def withdraw(self, decision_id: Id, body: wire.WithReasons) -> wire.DecisionView:
        """Take a drafted decision back."""
        return await self._post(wire.DecisionView, at("decisions", decision_id, "withdrawal"), body)

    async def standard_texts(self) -> StandardTexts:
        """What decisions are drafted from, with their fields; no sign-in is needed."""
        return await self._get(StandardTexts, "/decision-texts")

    async def comment(self, decision_id: Id, body: wire.WithReasons) -> wire.DecisionView:
        """Say something about a colleague's draft; it binds nobody."""
        return await self._post(wire.DecisionView, at("decisions", decision_id, "comment"), body)

    async def return_draft(self, decision_id: Id, body: wire.WithReasons) -> wire.DecisionView:
        """Give a colleague's draft back: it is not released before that is answered."""
        return await self._post(wire.DecisionView, at("decisions", decision_id, "return"), body)

    async def answer(self, decision_id: Id, body: wire.WithReasons) -> wire.DecisionView:
        """Answer why it was returned."""
        return await self._post(wire.DecisionView, at("decisions", decision_id, "answer"), body)

    async def orders_preview(self, decision_id: Id) -> OrdersPreview:
        """The dry run: which orders would go out. Nothing is sent."""
        return await self._get(OrdersPreview, at("decisions", decision_id, "orders-preview"))

    async def document(self, decision_id: Id) -> DocumentView:
        """The signed document of a released decision, and whether it still stands."""
        return await self._get(DocumentView, at("decisions", decision_id, "document"))

    async def document_page(self, decision_id: Id) -> bytes:
        """The same as a page (PDF)."""
        return (await self._concord.call(self.service, "GET", at("decisions", decision_id, "document.pdf"))).content

    async def issued(self, document_id: Id) -> DocumentView:
        """A document one holds, and whether it still stands; no sign-in is needed."""
        return await self._get(DocumentView, at("documents", document_id))

    async def keys(self) -> Json:
        """The public keys that decisions are signed with."""
        return await self._json("GET", "/.well-known/jwks.json")

    async def lift(self, decision_id: Id, body: wire.Stated) -> wire.DecisionView:
        """End one's own decision; what it did is undone."""
        return await self._post(wire.DecisionView, at("decisions", decision_id, "lift"), body)

    async def confirm_correction(self, decision_id: Id, body: wire.Correction) -> wire.DecisionView:
        """Say whether an order to correct was obeyed."""
        return await self._post(wire.DecisionView, at("decisions", decision_id, "correction"), body)

    async def appeal(self, body: wire.NewAppeal) -> wire.AppealView:
        """Challenge an act of any department that one was told of."""
        return await self._post(wire.AppealView, "/appeals", body)

    def appeals(self, *, status: AppealStatus | None = None) -> AsyncIterator[wire.AppealView]:
        """The caller's own appeals, those against its acts, and those it decides, newest first."""
        return self._pages(wire.AppealView, "/appeals", status=status)

    async def get_appeal(self, appeal_id: Id) -> wire.AppealView:
        """One appeal with its clock and its outcome."""
        return await self._get(wire.AppealView, at("appeals", appeal_id))

    async def decide_stay(self, appeal_id: Id, body: wire.Stay) -> wire.AppealView:
        """Let the act have no effect while its appeal is decided, or refuse that."""
        return await self._post(wire.AppealView, at("appeals", appeal_id, "stay"), body)

    async def decide_appeal(self, appeal_id: Id, body: wire.Outcome) -> wire.AppealView:
        """Uphold or reject, as the review body; upheld, the act is undone by itself."""
        return await self._post(wire.AppealView, at("appeals", appeal_id, "decision"), body)

    async def subscribe(self, body: NewSubscription) -> SubscriptionView:
        """Ask to hear of every act about a name; the answer says how to show that it is the caller's."""
        return await self._post(SubscriptionView, "/name-subscriptions", body)

    def subscriptions(self) -> AsyncIterator[SubscriptionView]:
        """The caller's subscriptions to names, newest first."""
        return self._pages(SubscriptionView, "/name-subscriptions")

    async def get_subscription(self, subscription_id: Id) -> SubscriptionView:
        """One of them: whether the name shows it, and what was missing."""
        return await self._get(SubscriptionView, at("name-subscriptions", subscription_id))

    async def look_at_name(self, subscription_id: Id) -> SubscriptionView:
        """Have the name looked at, a moment after the answer."""
        return await self._post(SubscriptionView, at("name-subscriptions", subscription_id, "look"))

    async def send_code(self, subscription_id: Id) -> SubscriptionView:
        """Have another code mailed to its address."""
        return await self._post(SubscriptionView, at("name-subscriptions", subscription_id, "code"))

    async def confirm_address(self, subscription_id: Id, code: str) -> SubscriptionView:
        """Enter the code that was mailed to its address: only then is it told anything."""
        return await self._post(
            SubscriptionView, at("name-subscriptions", subscription_id, "confirmation"), Code(code=code)
        )

    async def end_subscription(self, subscription_id: Id) -> SubscriptionView:
        """Hear no more."""
        return await self._post(SubscriptionView, at("name-subscriptions", subscription_id, "end"))
