"""One door of access-control: parse, call, shape; a file for each aggregate."""

from typing import Final

from fastapi import APIRouter

from access_control.http import emergencies, feed, instructions, orders, providers, receipts

ROUTERS: Final[tuple[APIRouter, ...]] = (
    providers.ROUTER, orders.ROUTER, instructions.ROUTER, emergencies.ROUTER, feed.ROUTER, receipts.ROUTER,
    emergencies.REPORTS,
)  # fmt: skip
