"""What a process is told by its environment: read once, then frozen."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.rules.profile import DEFAULT

Role = Literal["http", "relay", "consumer", "ticks"]
ROLES: tuple[Role, ...] = ("http", "relay", "consumer", "ticks")


class Settings(BaseSettings):
    """Settings every service has; each is an environment variable with the prefix ``CONCORD_``."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix="CONCORD_", extra="ignore", frozen=True, populate_by_name=True
    )

    profile: str = Field(DEFAULT, description="Rule profile: the name of one of ours, or the path of a `.toml` file.")

    database_url: SecretStr = Field(description="PostgreSQL of this department, with its own role and password.")
    database_pool: int = Field(10, ge=2, le=200, description="Connections this process may open to PostgreSQL.")

    kafka_bootstrap_servers: str = Field("127.0.0.1:9092", description="Brokers, `host:port` separated by commas.")
    kafka_idempotence: bool = Field(True, description="Idempotent producer; false only for brokers without it.")
    kafka_fetch_wait_ms: int = Field(
        500,
        ge=1,
        le=5000,
        description="How long a broker may hold an empty fetch; 10 for one that does not wake it: "
        "then it is up to 250 when nothing has come for a while.",
    )
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to speak to the brokers."
    )
    kafka_user: str | None = Field(None, description="SASL/SCRAM-SHA-512 user.")
    kafka_password: SecretStr | None = Field(None, description="Password of the SASL user.")
    kafka_ca: str | None = Field(None, description="File with the certificate authority of the brokers.")
    topic_partitions: int = Field(24, ge=1, le=1000, description="Partitions of a topic that this service creates.")
    topic_replication: int = Field(1, ge=1, le=10, description="Copies of each partition.")

    oidc_issuer: str = Field("http://127.0.0.1:8080", description="Issuer of bearer tokens, exactly as in `iss`.")
    oidc_jwks_url: str | None = Field(None, description="Where its keys are; default `{issuer}/jwks.json`.")
    oidc_audience: str = Field("concord", description="The audience a token must be meant for.")

    oidc_accept_jwt: bool = Field(
        False,
        description="Also take tokens of `typ` JWT, from issuers that cannot mark access tokens; only where "
        "no ID token carries the audience above.",
    )

    host: str = Field("127.0.0.1", description="Address the HTTP door binds to.")
    port: int = Field(8000, ge=0, le=65535, description="Port of the HTTP door.")
    http_keep_alive_s: int = Field(
        75, ge=1, le=3600, description="Seconds an idle connection stays open; more than any proxy in front keeps one."
    )
    door_url: str = Field(
        "", description="Base address at which this department is reached from outside; default `http://{host}:{port}`."
    )
    http_database_s: float = Field(
        5.0, gt=0, le=60, description="Seconds the database may take for a request before the answer is 503."
    )
    public_url: str = Field("http://127.0.0.1:8005", description="Base address of the public register.")
    roles_run: Annotated[frozenset[Role], NoDecode] = Field(
        frozenset(ROLES), description="What this process runs: a comma list of http, relay, consumer, ticks."
    )
    signing_keys_file: Path = Field(
        Path(".concord/signing-keys.json"),
        description="JWK set with the private keys this department signs with: the first signs, others stay published.",
    )
    signing_keys_generate: bool = Field(
        False, description="Make the file (mode 0600) with a new key if it is missing; for the local stack only."
    )

    smtp_host: str = Field("127.0.0.1", description="Mail server that notices are handed to.")
    smtp_port: int = Field(25, ge=1, le=65535, description="Its port.")
    smtp_tls: Literal["none", "starttls", "tls"] = Field("starttls", description="How to speak to it.")
    smtp_user: str | None = Field(None, description="User, if it wants one.")
    smtp_password: SecretStr | None = Field(None, description="Password of that user.")
    smtp_sender: str = Field("notices@concord.example", description="Address that notices come from.")
    smtp_returns: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9.-]{1,30}@[A-Za-z0-9.-]{1,255}$",
        description="Address that mail which cannot be delivered comes back to; each mail has one of its own, "
        "`name+token@domain`. None: it comes back to the sender, nobody hears of it here, and no mail counts as "
        "delivered.",
    )
    smtp_returns_secret: SecretStr | None = Field(
        None, min_length=32, description="What the mail server shows at `/returned-mails`, where it hands that in."
    )
    webhooks_private: bool = Field(
        False, description="Let webhooks use http and addresses of private networks; for the local stack only."
    )

    calendar_address_days: int = Field(
        365, ge=1, le=730, description="Days for which a private address of somebody's calendar of time limits answers."
    )

    audit_keep_years: int = Field(
        10,
        ge=6,
        le=100,
        description="Years for which it can be told who looked at whom and what was refused: as long as orders and "
        "receipts are kept, so that an old act can still be questioned; then the rows are deleted.",
    )
    clock_skew_limit_s: float = Field(
        30.0,
        gt=0,
        le=3600,
        description="How far this process's clock may be from the database's before no clock fires.",
    )
    stop_grace_s: float = Field(5.0, gt=0, le=300, description="Seconds open requests may take after SIGTERM.")

    otlp_endpoint: str | None = Field(None, description="OpenTelemetry collector (HTTP); none = nothing is sent.")
    trace_ratio: float = Field(1.0, ge=0, le=1, description="Share of new traces that are recorded.")
    trace_sql: bool = Field(False, description="A span per SQL statement; a write then costs a third more.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severe line written.")
    log_format: Literal["json", "text"] = Field("json", description="One JSON object a line, or text for people.")

    @field_validator("roles_run", mode="before")
    @classmethod
    def _comma_list(cls, value: Any) -> Any:
        if isinstance(value, str):
            return frozenset(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("smtp_user", "smtp_password", "smtp_returns", "smtp_returns_secret", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return None if value == "" else value  # as a compose file hands on what nobody set

    @field_validator("public_url", "door_url")
    @classmethod
    def _no_trailing_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @model_validator(mode="after")
    def _returns_both(self) -> Self:
        if (self.smtp_returns is None) != (self.smtp_returns_secret is None):
            raise ValueError("CONCORD_SMTP_RETURNS and CONCORD_SMTP_RETURNS_SECRET go together")
        return self

    @property
    def hears_of_returned_mail(self) -> bool:
        """Whether mail that a server took and could not deliver comes back to where somebody is told of it."""
        return self.smtp_returns is not None

    @property
    def dsn(self) -> str:
        """The database address in clear, for the driver only."""
        return self.database_url.get_secret_value()

    @property
    def door(self) -> str:
        """Where this department is reached from outside, as it stands in what it issues; no slash at the end."""
        return self.door_url or f"http://{self.host}:{self.port}"

    @property
    def jwks_url(self) -> str:
        """Where the issuer publishes its keys."""
        return self.oidc_jwks_url or f"{self.oidc_issuer.rstrip('/')}/jwks.json"
