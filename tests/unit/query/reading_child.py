"""Reads the read model and does not end; the test kills it without warning."""

import sys
import time
from pathlib import Path

from query.readmodel.model import ReadModel

if __name__ == "__main__":
    with ReadModel.open(Path(sys.argv[1]), map_size=1 << 26).reading():
        print("reading", flush=True)
        time.sleep(600)
