"""The copy of the directory of organisations."""

from alembic import op

from shared.runtime.db.migrations import runtime_schema

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(runtime_schema(3))
