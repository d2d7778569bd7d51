"""Applies an endless stream of batches and says so after each; the test kills it without warning.

Batch n holds version n of sites 1..40, so any mixture of two batches in the file can be told.
"""

import sys
from pathlib import Path

from query.readmodel.layout import Batch
from query.readmodel.model import ReadModel
from query.readmodel.writer import Writer
from tests.unit.query.build import appeal, batch, carried_out, order, site, undone

SITES = 40


def stream(number: int) -> Batch:
    """The n-th batch."""
    facts = [
        site(each, number, domains=(f"v{number}-{each}.example", f"s{each}.example")) for each in range(1, SITES + 1)
    ]
    story = [order("released", number), order("executed", number), carried_out(number, 1), appeal("filed", number)]
    return batch(*facts, *story, undone(number), offset=number)


if __name__ == "__main__":
    model = ReadModel.open(Path(sys.argv[1]), map_size=1 << 26)
    writer = Writer(model)
    writer.prepare()
    offset = next(iter(model.offsets().values()), 0)
    while True:
        offset += 1
        writer.apply(stream(offset))
        print(offset, flush=True)
