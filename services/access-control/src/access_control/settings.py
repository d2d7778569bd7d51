"""Settings of access-control, on top of what every service reads."""

from pydantic import Field

from shared.runtime.base.settings import Settings as RuntimeSettings


class Settings(RuntimeSettings):
    """Read once at start-up, then frozen; each is an environment variable with the prefix ``CONCORD_``."""

    withdraw_window_s: int = Field(
        75, ge=0, le=86_400, description="Seconds in which an order can be taken back; 0 = it goes out at once."
    )
    feed_heartbeat_s: float = Field(
        15.0, gt=0, le=60, description="Seconds between signs of life on a server-sent event stream."
    )
    feed_stream_s: float = Field(
        900.0, gt=0, le=86_400, description="Seconds after which a stream ends, so that its reader proves itself again."
    )
