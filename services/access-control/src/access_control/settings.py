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
    probes_contact: str = Field(
        "",
        pattern=r"^[!-'*-~]{0,200}$",
        description="Address (URL or mail) of whoever answers for the prober: it tells everybody it asks, and does not "
        "start without.",
    )
    probes_per_minute: int = Field(60, ge=1, le=300, description="Connections that the prober begins in a minute.")
    probes_address_s: float = Field(2.0, ge=1, le=3600, description="Seconds between two of them to one address.")
    probes_inside: bool = Field(
        False, description="Let the prober ask addresses of private networks; for a local stack only."
    )
    probes_port: int = Field(
        8010, ge=0, le=65535,
        description="Port of the prober's `/livez`, `/readyz` and `/metrics`, at the address `CONCORD_HOST`.",
    )  # fmt: skip
