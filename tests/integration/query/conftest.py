"""The query service on a database and a read model of the test's own, with a few sites in it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from query.main import SERVICE
from query.readmodel.writer import Writer
from tests.support.fixtures import MakeDatabase
from tests.support.service import Api, running_service
from tests.unit.query.build import AT, HOST, batch, carried_out, order, site

PERSON = {"name": "张三丰", "identity": "p:0123456789abcdef", "kind": "person"}


@pytest.fixture
async def api(make_database: MakeDatabase, tmp_path: Path) -> AsyncIterator[Api]:
    """Site 1 is served, 2 is revoked and cut off, 3 is a person's; 1 and 3 share an address; HOST is in no register."""
    async with running_service(SERVICE, await make_database("query"), lmdb_path=tmp_path / "lookup") as running:
        writer = Writer(running.rt.state.model)
        writer.prepare()
        writer.apply(
            batch(
                site(1, domains=("pharmacy.example", "xn--fsqu00a.test")),
                site(2, 2, status="revoked", access_status="stopped"),
                carried_out(2),
                carried_out(7, host=HOST),
                site(3, ips=("198.18.0.1",), operator=PERSON),
                order("released", number=2),
                order("executed", number=2),
            )
        )
        writer.reached(AT)
        yield running
