"""Clocks get stages, more units, pauses with a reason, and a record of their moves."""

from alembic import op

from shared.runtime.db.migrations import runtime_schema

revision = "0004"
down_revision = "0002"


def upgrade() -> None:
    op.execute(runtime_schema(4))
