"""Made-up import records: the seeded sample of the demonstration, and operators for a list of real names.

Operators are invented with valid check digits, addresses come from the ranges set aside for tests (198.18.0.0/15,
RFC 2544) and shared address space (100.64.0.0/10, RFC 6598). Without a list of names, domains lie under ``.example``
and ``.test`` (RFC 2606).
"""

import json
import random
from collections.abc import Iterable, Iterator
from typing import Final

from shared.rules.identifiers import uscc_with_check_digit

COUNT: Final = 20_000
SEED: Final = 2006
CHUNK: Final = 64 * 1024
WORDS: Final = (
    "amber", "bamboo", "cedar", "delta", "ember", "fable", "garden", "harbor", "island", "jasmine", "kettle", "lantern",
    "meadow", "north", "orchard", "pavilion", "quartz", "river", "summit", "temple", "valley", "willow",
    "yarrow", "zephyr",
)  # fmt: skip
CHINESE: Final = ("山水", "书院", "茶馆", "竹林", "星河", "明月", "春雨", "长城", "花园", "海岛")
_IDN_SHARE: Final = 50
_NEW_OPERATOR: Final = 0.7


def names(count: int, seed: int) -> Iterator[str]:
    """Domain names, each once; every 50th is an IDN, alternately in U-labels and A-labels."""
    chance = random.Random(seed)  # noqa: S311 -- a sample, not a secret
    for number in range(count):
        top = "example" if number % 2 else "test"
        if number % _IDN_SHARE == 0:
            label = f"{chance.choice(CHINESE)}{number}"
            yield f"{label}.{top}" if number % (2 * _IDN_SHARE) else f"{_a_label(label)}.{top}"
        else:
            yield f"{chance.choice(WORDS)}-{chance.choice(WORDS)}-{number}.{top}"


def _a_label(label: str) -> str:
    return "xn--" + label.encode("punycode").decode("ascii")


def records(
    count: int = COUNT,
    *,
    provider_id: object,
    seed: int = SEED,
    region: str = "110000",
    domains: Iterable[str] | None = None,
) -> Iterator[dict[str, str]]:
    """Import records, the same for the same arguments. ``domains`` (real names, say) replaces the made-up ones."""
    chance = random.Random(seed)  # noqa: S311 -- a sample, not a secret
    operator = -1
    uscc = ""
    for number, domain in enumerate(names(count, seed) if domains is None else domains):
        if operator < 0 or chance.random() < _NEW_OPERATOR:
            operator += 1
            uscc = uscc_with_check_digit(f"91{region}{seed % 10_000:04d}{operator:05d}")
        yield {
            "operator_name": f"Sample Operator {operator}",
            "operator_uscc": uscc,
            "operator_kind": "company" if operator % 10 else "institution",
            "region": region,
            "site_name": f"Site {number}",
            "domain": domain,
            "service_items": "general",
            "provider_id": str(provider_id),
            "ips": _address(operator // 20),
            "hosting_mode": "virtual_host",
        }


def _address(host: int) -> str:
    """An address per twenty operators: shared hosting, as in real life."""
    if host % 2:
        return f"100.{64 + host // 65536 % 64}.{host // 256 % 256}.{host % 256}"
    return f"198.{18 + host // 65536 % 2}.{host // 256 % 256}.{host % 256}"


def ndjson(rows: Iterable[dict[str, str]]) -> Iterator[bytes]:
    """Records as lines of JSON, in chunks of about 64 KiB."""
    lines: list[str] = []
    size = 0
    for row in rows:
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        lines.append(line)
        size += len(line)
        if size >= CHUNK:
            yield ("\n".join(lines) + "\n").encode()
            lines, size = [], 0
    if lines:
        yield ("\n".join(lines) + "\n").encode()
