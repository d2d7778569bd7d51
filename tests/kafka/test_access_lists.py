"""On a Kafka cluster with TLS, SCRAM and access lists: everybody can do their part, and nobody more than that."""

import asyncio
import datetime as dt
import ipaddress
import secrets
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import confluent_kafka as strangers
import pytest
from aiokafka.errors import KafkaError
from confluent_kafka import admin as operators
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from local_stack import access_lists
from local_stack.access_lists import Grant
from local_stack.kafka import ApacheKafka
from local_stack.ports import free_port
from local_stack.supervisor import LocalStack
from shared.contracts.orders import Action
from shared.contracts.topics import APPROVAL_EVENTS, ENFORCEMENT_EVENTS, REGISTRY_EVENTS, orders_topic, receipts_topic
from shared.runtime.events import kafka as broker
from shared.runtime.events.kafka import KafkaSettings
from tests.support.office import Office

LISTENER: Final = "SECURED"


@dataclass(frozen=True)
class Cluster:
    """A broker with a listener that asks who one is, beside the plain one of its own operators."""

    kafka: ApacheKafka
    port: int
    ca: Path
    passwords: dict[str, str]
    operator: operators.AdminClient
    """Another library than ours, on the plain listener."""

    def settings(self, user: str, **changes: Any) -> KafkaSettings:
        """How one of our clients speaks to it as this user."""
        bootstrap = f"127.0.0.1:{self.port}"
        known = KafkaSettings(bootstrap, user, security="SASL_SSL", user=user, ca_file=str(self.ca), partitions=2)
        return replace(known, password=self.passwords[user], **changes)

    def stranger(self, user: str) -> dict[str, Any]:
        """How a client of another kind than ours speaks to it as this user."""
        return {
            "bootstrap.servers": f"127.0.0.1:{self.port}",
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": self.passwords[user],
            "ssl.ca.location": str(self.ca),
        }

    def know(self, user: str) -> None:
        """Give a user a password."""
        self.passwords[user] = secrets.token_urlsafe(18)
        how = operators.ScramCredentialInfo(operators.ScramMechanism.SCRAM_SHA_512, 4096)
        entry = operators.UserScramCredentialUpsertion(user, how, self.passwords[user].encode())
        for done in self.operator.alter_user_scram_credentials([entry]).values():
            done.result(30)

    def allow(self, user: str, grants: Iterable[Grant]) -> None:
        """Write a user's access list."""
        for done in self.operator.create_acls([*_bindings(user, grants)]).values():
            done.result(30)


def _bindings(user: str, grants: Iterable[Grant]) -> Iterator[operators.AclBinding]:
    for grant in grants:
        pattern = operators.ResourcePatternType.PREFIXED if grant.prefixed else operators.ResourcePatternType.LITERAL
        for operation in grant.operations:
            yield operators.AclBinding(
                operators.ResourceType[grant.resource.upper()], grant.name, pattern, f"User:{user}", "*",
                operators.AclOperation[operation], operators.AclPermissionType.ALLOW,
            )  # fmt: skip


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and the same with its key, as the broker wants it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    today = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    authority, keystore = folder / "ca.pem", folder / "broker.pem"
    authority.write_bytes(certificate)
    keystore.write_bytes(private + certificate)
    return authority, keystore


@pytest.fixture(scope="module")
def cluster(session_folder: Path) -> Iterator[Cluster]:
    folder = session_folder / "secured"
    folder.mkdir()
    authority, keystore = _certificate(folder)
    port = free_port()
    listeners = (
        f"PLAINTEXT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{{controller_port}},{LISTENER}://127.0.0.1:{port}"
    )
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    kafka = ApacheKafka(
        folder,
        settings={
            "listeners": listeners,
            "advertised.listeners": listeners,
            "listener.security.protocol.map": f"PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,{LISTENER}:SASL_SSL",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            f"listener.name.{LISTENER.lower()}.scram-sha-512.sasl.jaas.config": scram,
            f"listener.name.{LISTENER.lower()}.ssl.keystore.type": "PEM",
            f"listener.name.{LISTENER.lower()}.ssl.keystore.location": str(keystore),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "compression.type": "zstd",  # as somebody's cluster may; our clients cannot unpack it
        },
    )
    kafka.start()
    try:
        operator = operators.AdminClient({"bootstrap.servers": kafka.bootstrap})
        made = Cluster(kafka, port, authority, {}, operator)
        for user, grants in access_lists.departments().items():
            made.know(user)
            made.allow(user, grants)
        yield made
    finally:
        kafka.stop()


@pytest.fixture(scope="module")
async def office(cluster: Cluster, session_folder: Path) -> AsyncIterator[Office]:
    env = {
        "*": {
            "CONCORD_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{cluster.port}",
            "CONCORD_KAFKA_SECURITY": "SASL_SSL",
            "CONCORD_KAFKA_CA": str(cluster.ca),
        },
        **{name: {"CONCORD_KAFKA_USER": name, "CONCORD_KAFKA_PASSWORD": cluster.passwords[name]}
           for name in access_lists.departments()},
    }  # fmt: skip
    env["access-control"]["CONCORD_WITHDRAW_WINDOW_S"] = "0"
    root, bootstrap = session_folder / "secured-stack", cluster.kafka.bootstrap
    async with (
        LocalStack(root=root, kafka_bootstrap=bootstrap, durable=False, env=env) as stack,
        Office.of(stack) as found,
    ):
        await _secure_agent(stack, cluster)
        yield found


async def _secure_agent(stack: LocalStack, cluster: Cluster) -> None:
    """Have the provider's agent read and write over the listener that asks who it is, and nowhere else."""
    await stack.stop("agent")
    provider = stack.provider_id
    cluster.know(provider)
    cluster.allow(provider, access_lists.of_provider(provider))
    _tell_agent(Path(stack.description()["provider"]["config"]), cluster, provider)
    await stack.start("agent")


def _tell_agent(config: Path, cluster: Cluster, provider: str) -> None:
    plain = [line for line in config.read_text().splitlines() if not line.startswith("kafka_bootstrap")]
    plain += [
        f'kafka_bootstrap = "127.0.0.1:{cluster.port}"',
        'kafka_security = "SASL_SSL"',
        f'kafka_username = "{provider}"',
        f'kafka_password = "{cluster.passwords[provider]}"',
        f'kafka_ca_file = "{cluster.ca}"',
        'receipts_via = "kafka"',
        "check_every_s = 3600",
    ]
    config.write_text("\n".join(plain) + "\n")


async def test_the_whole_chain_runs_on_what_the_access_lists_give(cluster: Cluster, office: Office) -> None:
    await office.enter("secured.example")
    case = await office.execute(await office.decide("secured.example"))
    await office.executed(case, Action.CUT_OFF)
    provider, config = office.stack.provider_id, Path(office.stack.description()["provider"]["config"])
    assert _length(cluster, orders_topic(provider).name) == 1
    assert _length(cluster, receipts_topic(provider).name) >= 1
    with sqlite3.connect(config.parent / "agent.sqlite") as journal:  # it read the topic, and not the feed
        assert journal.execute("SELECT value FROM fact WHERE name = 'offset'").fetchone() == ("1",)
    await office.uphold(case)
    await office.executed(case, Action.RESTORE)


def _length(cluster: Cluster, topic: str) -> int:
    """How many records there are, as the cluster's operator sees it."""
    client = strangers.Consumer({"bootstrap.servers": cluster.kafka.bootstrap, "group.id": "operator"})
    try:
        return int(client.get_watermark_offsets(strangers.TopicPartition(topic, 0), timeout=30)[1])
    finally:
        client.close()


def _may_read(cluster: Cluster, user: str, topic: str) -> bool:
    """Whether a client of another kind than ours, signed in as this user, gets the first record or the topic's end."""
    client = strangers.Consumer(cluster.stranger(user) | {"group.id": user, "enable.partition.eof": True})
    refused = strangers.KafkaError.TOPIC_AUTHORIZATION_FAILED
    try:
        told = client.list_topics(topic, timeout=30).topics[topic].error
        if told is not None:
            assert told.code() == refused, told
            return False
        client.assign([strangers.TopicPartition(topic, 0, 0)])
        answer = client.poll(30)
        assert answer is not None, f"no answer about {topic}"
        error = answer.error()
        assert error is None or error.code() in {refused, strangers.KafkaError._PARTITION_EOF}, error
        return error is None or error.code() != refused
    finally:
        client.close()


def _may_write(cluster: Cluster, user: str, topic: str) -> bool:
    """Whether the broker takes a record of this user."""
    answers: list[strangers.KafkaError | None] = []
    client = strangers.Producer(cluster.stranger(user))
    client.produce(topic, b"{}", key=b"key", partition=0, on_delivery=lambda error, _message: answers.append(error))
    client.flush(30)
    (error,) = answers
    if error is not None:
        assert error.code() == strangers.KafkaError.TOPIC_AUTHORIZATION_FAILED, error
    return error is None


@pytest.fixture(scope="module")
async def other(cluster: Cluster, office: Office) -> UUID:
    """Another provider with topics of its own."""
    provider = uuid4()
    topics = [orders_topic(provider), receipts_topic(provider)]
    assert await broker.ensure_topics(cluster.settings("access-control"), topics) == {}
    cluster.know(str(provider))
    cluster.allow(str(provider), access_lists.of_provider(provider))
    return provider


def test_a_provider_reads_its_own_orders_and_nobody_elses(cluster: Cluster, office: Office, other: UUID) -> None:
    user, foreign = str(other), office.stack.provider_id
    assert _may_read(cluster, user, orders_topic(other).name)
    assert _may_write(cluster, user, receipts_topic(other).name)
    for topic in (orders_topic(foreign), receipts_topic(foreign), receipts_topic(other), REGISTRY_EVENTS):
        assert not _may_read(cluster, user, topic.name), topic.name
    for topic in (orders_topic(foreign), receipts_topic(foreign), orders_topic(other), REGISTRY_EVENTS):
        assert not _may_write(cluster, user, topic.name), topic.name
    known = operators.AdminClient(cluster.stranger(user)).list_topics(timeout=30).topics
    assert known.keys() == {orders_topic(other).name, receipts_topic(other).name}


def test_a_department_cannot_write_what_another_one_says(cluster: Cluster, office: Office) -> None:
    assert _may_write(cluster, "enforcement", ENFORCEMENT_EVENTS.name)
    assert not _may_write(cluster, "registry", ENFORCEMENT_EVENTS.name)
    assert not _may_write(cluster, "enforcement", orders_topic(office.stack.provider_id).name)
    assert _may_read(cluster, "enforcement", REGISTRY_EVENTS.name)
    assert _may_read(cluster, "enforcement", APPROVAL_EVENTS.name)
    assert not _may_read(cluster, "query", APPROVAL_EVENTS.name)


def test_a_department_cannot_read_in_the_name_of_another(cluster: Cluster, office: Office) -> None:
    client = strangers.Consumer(cluster.stranger("enforcement") | {"group.id": "registry"})
    client.subscribe([REGISTRY_EVENTS.name])
    try:
        answer = client.poll(30)
        assert answer is not None
        error = answer.error()
        assert error is not None
        assert error.code() == strangers.KafkaError.GROUP_AUTHORIZATION_FAILED
    finally:
        client.close()


@pytest.mark.parametrize("change", [{"password": "wrong"}, {"ca_file": None}, {"security": "PLAINTEXT"}])
async def test_without_password_authority_or_tls_there_is_no_connection(
    cluster: Cluster, change: dict[str, Any]
) -> None:
    with pytest.raises((KafkaError, broker.BrokerUnavailable)):
        async with asyncio.timeout(60):
            await broker.start_consumer(replace(cluster.settings("registry"), **change), None)
