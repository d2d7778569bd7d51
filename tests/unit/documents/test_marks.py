"""Marks are short enough for a code, and the code says exactly the address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.contracts.marks import Mark
from shared.documents import codes, marks
from shared.signing import Signer, generate_key

ADDRESS = "https://registry.industry.example/marks/"


def test_the_longest_mark_still_fits_a_code() -> None:
    signer = Signer(generate_key(kid="k" * 60))
    names = tuple(f"{'n' * 20}{each}.example" for each in range(marks.MOST_NAMES))
    assert marks.shortened(names)[1] is None
    mark = Mark(
        number="京ICP备10046444号", edition=100, operator="字" * marks.LONGEST_OPERATOR, names=names,
        issuer="industry-110000", issued_at=Mark.EXAMPLE["issued_at"],
    )  # fmt: skip
    token = marks.sign(mark, signer)
    assert len(token) < marks.LONGEST
    assert codes.svg(ADDRESS + token).startswith(b"<svg")
    assert codes.png(ADDRESS + token).startswith(b"\x89PNG")


@given(st.sets(st.from_regex(r"[a-z]{1,60}\.example", fullmatch=True), max_size=15))
def test_names_or_their_digest_and_order_is_no_matter(names: set[str]) -> None:
    listed, digest = marks.shortened(list(names))
    assert (listed, digest) == marks.shortened([*sorted(names, reverse=True), *names])
    assert (digest is None) == (len(names) <= marks.MOST_NAMES and sum(map(len, names)) <= marks.LONGEST_NAMES)
    assert listed == (tuple(sorted(names)) if digest is None else ())


def test_names_and_digest_together_are_refused() -> None:
    with pytest.raises(ValidationError, match="not both"):
        Mark.model_validate(Mark.EXAMPLE | {"digest": "0" * 64})
