"""A read model of each test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from query.readmodel.model import ReadModel
from query.readmodel.writer import Writer


@pytest.fixture
def model(tmp_path: Path) -> Iterator[ReadModel]:
    """An empty read model."""
    opened = ReadModel.open(tmp_path / "lookup", map_size=1 << 24, durable=False)
    yield opened
    opened.close()


@pytest.fixture
def writer(model: ReadModel) -> Writer:
    """Its writer."""
    made = Writer(model)
    made.prepare()
    return made
