"""Where the department's mail server hands in what came back to a mail's own return address."""

import hmac
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Header, Request

from shared.runtime.acts import returned
from shared.runtime.base.problems import Forbidden, NotFound
from shared.runtime.web.door import PUBLIC, Rt, router
from shared.runtime.web.files import STREAMED

ROUTER: Final[APIRouter] = router(idempotent=False, tags=["notices"])
_BODY: Final = {**STREAMED["openapi_extra"], **PUBLIC}
_log = structlog.get_logger(__name__)


class NoReturns(NotFound):
    """No mail comes back to this department: it has no return address (CONCORD_SMTP_RETURNS)."""


class NotTheMailServer(Forbidden):
    """Only this department's mail server hands in mail: `Returns-Secret` is missing or wrong."""


@ROUTER.post("/returned-mails", status_code=204, openapi_extra=_BODY, max_body_size=returned.LARGEST)
async def hand_in_returned(
    rt: Rt, request: Request,
    token: Annotated[str, Header(alias="Return-Token", max_length=100, description="What stands after the `+`")],
    secret: Annotated[str, Header(alias="Returns-Secret", max_length=200, description="CONCORD_SMTP_RETURNS_SECRET")]
    = "",
) -> None:  # fmt: skip
    """A mail came back, as it came (RFC 3464): the notice is not delivered by it.

    What is no report of a failure, or for no mail of ours, changes nothing and is answered the same.
    """
    expected = rt.settings.smtp_returns_secret
    if expected is None:
        raise NoReturns
    if not hmac.compare_digest(secret.encode(), expected.get_secret_value().encode()):
        raise NotTheMailServer
    async with rt.db.connection() as tx:
        known = await returned.is_known(tx, token.lower())
    why = returned.failure_of(await request.body()) if known else None
    if why is None:
        _log.info("mails.nothing_returned", known=known)
        return
    async with rt.db.transaction() as tx:
        ended = await returned.take_back(tx, rt, token.lower(), why)
    _log.info("mails.returned", ended=ended)
