"""A caller's Idempotency-Key is claimed and looked up in one round trip."""

from alembic import op

from shared.runtime.db.migrations import runtime_schema

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(runtime_schema(2))
