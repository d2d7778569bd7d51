"""What every department's class is made of: models go out as JSON, answers come back as models, lists page by page."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from pydantic import BaseModel

from concord.sdk.answers import at, json_object, model_of
from shared.contracts.http.notices import CalendarAddress, NoticeCounts, NoticeItem, NoticeView, PostalProof

if TYPE_CHECKING:
    from concord.sdk.client import Concord

Json = dict[str, Any]
Id = str | UUID
M = TypeVar("M", bound=BaseModel)
CALL_S = 60.0
"""How long one try of a call may take, from its first byte to its last."""


class Department:
    """One service. Every verb raises ConcordError when it is refused, and Unreachable when nobody answers."""

    service: str

    def __init__(self, concord: "Concord") -> None:
        self._concord = concord

    # --- the inbox, the same everywhere ------------------------------------------------------------------------------

    def notices(
        self, *, unread: bool = False, kind: str | None = None, about: Id | None = None
    ) -> AsyncIterator[NoticeItem]:
        """That this department told the caller something, newest first; ``open_notice`` says what, and opens it.

        ``about``: the id of an act.
        """
        return self._pages(NoticeItem, "/notices", unread=unread or None, kind=kind, about=about)

    async def notice_counts(self) -> NoticeCounts:
        """How many notices there are of each kind, and how many of them nobody opened."""
        return await self._get(NoticeCounts, "/notices/counts")

    async def deadlines(self) -> bytes:
        """Until when the caller must answer what it was told, and can challenge it: a calendar file (RFC 5545)."""
        return (await self._concord.call(self.service, "GET", "/inbox/deadlines.ics")).content

    async def make_calendar_address(self) -> CalendarAddress:
        """A private address for calendar programs, told this once; the one before ends."""
        return model_of(await self._concord.call(self.service, "PUT", "/inbox/calendar-address"), CalendarAddress)

    async def end_calendar_address(self) -> None:
        """End that address."""
        await self._concord.call(self.service, "DELETE", "/inbox/calendar-address")

    async def open_notice(self, notice_id: Id) -> NoticeView:
        """One notice. Opened by whom it is for, it counts as delivered."""
        return await self._get(NoticeView, at("notices", notice_id))

    async def notice_document(self, notice_id: Id) -> bytes:
        """The bytes of a notice as it was issued."""
        return (await self._concord.call(self.service, "GET", at("notices", notice_id, "document"))).content

    async def confirm_delivery(self, notice_id: Id, body: PostalProof) -> NoticeView:
        """Confirm, as a second person, the very proof that was entered: from then on the notice is delivered."""
        return await self._post(NoticeView, at("notices", notice_id, "postal-proof", "confirmation"), body)

    async def prove_delivery(self, notice_id: Id, body: PostalProof) -> NoticeView:
        """Enter what proves that a letter was delivered."""
        return await self._post(NoticeView, at("notices", notice_id, "postal-proof"), body)

    # --- how a verb is sent ------------------------------------------------------------------------------------------

    async def _get(self, model: type[M], path: str, /, **params: Any) -> M:
        return model_of(await self._concord.call(self.service, "GET", path, params=params), model)

    async def _post(self, model: type[M], path: str, body: BaseModel | None = None, *, version: int | None = None) -> M:
        return await self._sent(model, "POST", path, body, version)

    async def _put(self, model: type[M], path: str, body: BaseModel, *, version: int) -> M:
        return await self._sent(model, "PUT", path, body, version)

    async def _sent(self, model: type[M], method: str, path: str, body: BaseModel | None, version: int | None) -> M:
        sent = None if body is None else body.model_dump(mode="json")
        headers = {} if version is None else {"If-Match": f'"{version}"'}
        return model_of(await self._concord.call(self.service, method, path, json=sent, headers=headers), model)

    async def _json(self, method: str, path: str, **options: Any) -> Json:
        """The answer as it comes, for what has no model in `shared.contracts.http`."""
        return json_object(await self._concord.call(self.service, method, path, **options))

    def _pages(self, model: type[M], path: str, /, **params: Any) -> AsyncIterator[M]:
        return self._concord.pages(self.service, path, model, **params)
