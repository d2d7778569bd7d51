"""The same under another name."""

import runpy
import sys

if __name__ == "__main__":
    sys.argv[0] = "fake_two"
    runpy.run_module("fake_one.main", run_name="__main__")
