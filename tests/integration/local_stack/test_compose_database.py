"""The script that prepares the containers' PostgreSQL, run by the real psql against a real server."""

import os
import subprocess
from urllib.parse import urlsplit

import asyncpg
import pytest

from local_stack.postgres import EmbeddedPostgres, _binaries
from tests.support.fixtures import ROOT

SCRIPT = ROOT / "deploy/postgres/databases.sh"


def run_script(admin_dsn: str, **environment: str) -> subprocess.CompletedProcess[str]:
    where = urlsplit(admin_dsn)
    given = {
        "PATH": f"{_binaries()}:{os.environ['PATH']}", "PGHOST": str(where.hostname), "PGPORT": str(where.port),
        "PGPASSWORD": str(where.password), "POSTGRES_USER": str(where.username), **environment,
    }  # fmt: skip
    return subprocess.run(["sh", SCRIPT], env=given, capture_output=True, text=True, check=False)


async def test_each_department_owns_its_database_and_enters_no_other(postgres: EmbeddedPostgres) -> None:
    awkward = 'it\'s "$HOME" \\ :password'
    done = run_script(
        postgres.admin_dsn, CONCORD_DATABASES="dept_a dept_b", DEPT_A_DB_PASSWORD=awkward, DEPT_B_DB_PASSWORD="b"
    )
    assert done.returncode == 0, done.stderr
    port = urlsplit(postgres.admin_dsn).port
    own = await asyncpg.connect(host="127.0.0.1", port=port, user="dept_a", password=awkward, database="dept_a")
    await own.execute("CREATE TABLE t (n int)")
    await own.close()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(host="127.0.0.1", port=port, user="dept_a", password=awkward, database="dept_b")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(host="127.0.0.1", port=port, user="dept_b", password="wrong", database="dept_b")


def test_a_missing_password_stops_it(postgres: EmbeddedPostgres) -> None:
    assert run_script(postgres.admin_dsn, CONCORD_DATABASES="dept_c").returncode != 0
