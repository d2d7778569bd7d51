"""The one description of what runs where: the supervisor starts from it and docker-compose.yml is generated from it."""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ISSUER_PORT: Final = 8100
AGENT_WEB_PORT: Final = 8110
POSTGRES_PORT: Final = 8120
BROKER_PORT: Final = 8121
MAIL_PORT: Final = 8122
AUDIENCE: Final = "concord"

KAFKA: Final = {
    "num.partitions": "1",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
}
"""Settings of a single Apache Kafka broker, in a process of ours or in a container."""


@dataclass(frozen=True)
class Place:
    """Where the services run, and what differs from one place to another. URLs have no slash at the end."""

    database_url: Callable[["Service"], str]
    kafka: str
    kafka_idempotence: bool
    kafka_fetch_wait_ms: int
    partitions: int
    replication: int
    issuer: str
    jwks_url: str
    host: str
    port: Callable[["Service"], int]
    public_url: str
    door_url: Callable[[str], str]
    """Where a service is reached from outside, by its name: it stands in the documents that are issued."""
    log_format: str
    profile: str
    signing_keys_file: Callable[["Service"], str]
    signing_keys_generate: bool
    identity_key: str
    smtp_port: str
    smtp_tls: str
    smtp_returns_secret: Callable[["Service"], str]
    webhooks_private: bool
    lmdb_path: str
    evidence_store: str
    files_store: str
    withdraw_window_s: int
    smtp_host: str = "127.0.0.1"
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_sender: str = "notices@concord.example"
    smtp_returns: Callable[["Service"], str] = lambda spec: f"returns-{spec.name}@concord.example"
    """Where mail of a department comes back to; empty: nowhere that anybody hears of it."""
    otlp_endpoint: str | None = None


@dataclass(frozen=True)
class Service:
    """One department's service."""

    name: str
    port: int
    summary: str
    extra: Mapping[str, Callable[[Place], str]] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    signs: bool = False
    """Whether it tells people things or orders them, and signs that with keys of its own."""

    @property
    def module(self) -> str:
        """Its Python package; also the name of its database and of the role that owns it."""
        return self.name.replace("-", "_")

    @property
    def migrations(self) -> Path | None:
        """The folder of its schema revisions, beside its source."""
        spec = importlib.util.find_spec(self.module)
        folder = Path(spec.origin).resolve().parents[2] / "migrations" if spec and spec.origin else None
        return folder if folder and folder.is_dir() else None


SERVICES: Final[Mapping[str, Service]] = {
    service.name: service
    for service in (
        Service(
            "approval",
            8101,
            "applications and prior approvals",
            {
                "CONCORD_DOOR_URL": lambda place: place.door_url("approval"),
                "CONCORD_FILES_STORE": lambda place: place.files_store,
            },
            volumes=("files",),
            signs=True,
        ),
        Service(
            "registry",
            8102,
            "operators, sites, registrations, executions, imports",
            {
                "CONCORD_IDENTITY_KEY": lambda place: place.identity_key,
                "CONCORD_DOOR_URL": lambda place: place.door_url("registry"),
            },
            signs=True,
        ),
        Service(
            "enforcement",
            8103,
            "cases, evidence, decisions, appeals",
            {"CONCORD_EVIDENCE_STORE": lambda place: place.evidence_store},
            volumes=("evidence",),
            signs=True,
        ),
        Service(
            "access-control",
            8104,
            "providers, orders, receipts",
            {"CONCORD_WITHDRAW_WINDOW_S": lambda place: str(place.withdraw_window_s)},
            signs=True,
        ),
        Service(
            "query",
            8105,
            "look-ups and the public register",
            {"CONCORD_LMDB_PATH": lambda place: place.lmdb_path},
            volumes=("lookup",),
        ),
        Service("coordination", 8106, "the directory of organisations"),
    )
}


def environment(service: Service, place: Place) -> dict[str, str]:
    """Everything this service is told by its environment in this place."""
    values = {
        "CONCORD_DATABASE_URL": place.database_url(service),
        "CONCORD_KAFKA_BOOTSTRAP_SERVERS": place.kafka,
        "CONCORD_KAFKA_IDEMPOTENCE": str(place.kafka_idempotence).lower(),
        "CONCORD_KAFKA_FETCH_WAIT_MS": str(place.kafka_fetch_wait_ms),
        "CONCORD_TOPIC_PARTITIONS": str(place.partitions),
        "CONCORD_TOPIC_REPLICATION": str(place.replication),
        "CONCORD_OIDC_ISSUER": place.issuer,
        "CONCORD_OIDC_JWKS_URL": place.jwks_url,
        "CONCORD_OIDC_AUDIENCE": AUDIENCE,
        "CONCORD_HOST": place.host,
        "CONCORD_PORT": str(place.port(service)),
        "CONCORD_PUBLIC_URL": place.public_url,
        "CONCORD_LOG_FORMAT": place.log_format,
        "CONCORD_PROFILE": place.profile,
    }
    if service.signs:
        values |= {
            "CONCORD_SIGNING_KEYS_FILE": place.signing_keys_file(service),
            "CONCORD_SIGNING_KEYS_GENERATE": str(place.signing_keys_generate).lower(),
            "CONCORD_SMTP_HOST": place.smtp_host,
            "CONCORD_SMTP_PORT": place.smtp_port,
            "CONCORD_SMTP_TLS": place.smtp_tls,
            "CONCORD_SMTP_USER": place.smtp_user,
            "CONCORD_SMTP_PASSWORD": place.smtp_password,
            "CONCORD_SMTP_SENDER": place.smtp_sender,
            "CONCORD_SMTP_RETURNS": place.smtp_returns(service),
            "CONCORD_SMTP_RETURNS_SECRET": place.smtp_returns_secret(service),
            "CONCORD_WEBHOOKS_PRIVATE": str(place.webhooks_private).lower(),
        }
    if place.otlp_endpoint:
        values["CONCORD_OTLP_ENDPOINT"] = place.otlp_endpoint
    return values | {name: value(place) for name, value in service.extra.items()}
