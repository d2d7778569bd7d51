"""Apache Kafka in KRaft mode, from the jars that deploy/kafka/pom.xml pins; needs Java 17 and Maven, but no Docker."""

import fcntl
import os
import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import ClassVar

from local_stack.errors import StartFailed
from local_stack.ports import free_port, wait_until_listening
from local_stack.process import OneProcess, Process
from local_stack.topology import KAFKA

_START_SECONDS = 90.0
_STOP_SECONDS = 30.0
_POM = Path(__file__).parents[3] / "kafka" / "pom.xml"
_LOGGING = Path(__file__).parent / "kafka-log4j2.yaml"
_CONFIG = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:{controller_port}
log.dirs={data}
log.cleaner.dedupe.buffer.size=16777216
log.segment.bytes=134217728
log.index.size.max.bytes=1048576
num.network.threads=2
num.io.threads=4
log.message.timestamp.after.max.ms=9223372036854775807
"""


class ApacheKafka(OneProcess):
    """One broker and controller in one process on 127.0.0.1; topics are kept in its folder."""

    kind: ClassVar[str] = "kafka"
    idempotence: ClassVar[bool] = True
    fetch_wait_ms: ClassVar[int] = 500
    keeps_data: ClassVar[bool] = True

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        log: Path | None = None,
        settings: dict[str, str] | None = None,
    ) -> None:
        """`settings` are added to server.properties; `{port}` and `{controller_port}` in them are filled in."""
        self.folder = folder
        self.data = folder / "kafka-data"
        self.log = log or folder / "kafka.log"
        self.port = port or 0
        self._settings = KAFKA | (settings or {})
        self._controller_port = 0

    @property
    def bootstrap(self) -> str:
        """Bootstrap servers, as clients want them."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Format the storage the first time, then start; returns when the broker accepts connections."""
        self.folder.mkdir(parents=True, exist_ok=True)
        java, jars = find_java(), ensure_jars()
        if self._controller_port == 0:
            self.port = free_port(self.port or None)
            self._controller_port = free_port()
        config = self._write_config()
        if not (self.data / "meta.properties").exists():
            self._format(java, jars, config)
        command = [*self._java(java, jars), "-Xmx512m", "-Xms256m", "kafka.Kafka", str(config)]
        self._process = Process("kafka", command, log=self.log)
        if not wait_until_listening(self.port, _START_SECONDS, alive=self.is_alive):
            raise self._not_up(f"Apache Kafka did not start on port {self.port}")

    def stop(self) -> None:
        """Controlled shutdown."""
        self._end(_STOP_SECONDS)

    def _write_config(self) -> Path:
        config = self.folder / "server.properties"
        text = _CONFIG + "".join(f"{name}={value}\n" for name, value in self._settings.items())
        config.write_text(text.format(port=self.port, controller_port=self._controller_port, data=self.data))
        return config

    def _format(self, java: str, jars: Path, config: Path) -> None:
        command = [*self._java(java, jars), "-Xmx128m", "kafka.tools.StorageTool", "format", "--standalone"]
        command += ["--cluster-id", new_cluster_id(), "--config", str(config)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
        if done.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            msg = f"formatting Kafka's storage failed:\n{done.stdout}{done.stderr}"
            raise StartFailed(msg)

    def _java(self, java: str, jars: Path) -> list[str]:
        # A broker that lives for minutes on two cores must not spend them on compiling itself well.
        options = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"]
        return [java, *options, f"-Dlog4j2.configurationFile={_LOGGING}", "-cp", f"{jars}/*"]


def new_cluster_id() -> str:
    """A random id in the form that Kafka wants; never with a dash in front, which its commands take for an option."""
    first, *rest = uuid.uuid4().bytes
    return urlsafe_b64encode(bytes([first & 0x7F, *rest])).decode().rstrip("=")


def find_java() -> str:
    """The java command; a clear refusal when there is none, or when it is older than 17."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if java is None:
        msg = "BROKER=kafka needs Java 17 or newer: no `java` in JAVA_HOME or PATH (BROKER=tansu needs none)"
        raise StartFailed(msg)
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603 - ours
    version = told.partition('"')[2].partition(".")[0].partition('"')[0]
    if version.isdigit() and int(version) < 17:
        msg = f"BROKER=kafka needs Java 17 or newer; {java} is {version}"
        raise StartFailed(msg)
    return java


def ensure_jars(pom: Path = _POM) -> Path:
    """The folder with Apache Kafka's jars, fetched with Maven when the pom has changed since the last time."""
    with pom.open() as one_at_a_time:  # two test processes may ask at once
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        return _fetch(pom, pom.parent / "jars")


def _fetch(pom: Path, jars: Path) -> Path:
    stamp = jars / "pom.xml"
    if stamp.exists() and stamp.read_bytes() == pom.read_bytes():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        msg = "BROKER=kafka fetches Apache Kafka with Maven: no `mvn` in PATH (BROKER=tansu needs none)"
        raise StartFailed(msg)
    shutil.rmtree(jars, ignore_errors=True)
    command = [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        shutil.rmtree(jars, ignore_errors=True)
        msg = f"Maven could not fetch Apache Kafka's jars:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
        raise StartFailed(msg)
    stamp.write_bytes(pom.read_bytes())
    return jars
