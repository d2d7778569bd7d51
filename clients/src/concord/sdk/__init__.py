"""The Python SDK: one client, a small class per department.

async with Concord.connect(person="regulator-a") as concord:
    execution = await concord.registry.get_execution(execution_id)
    for neighbour in execution.preview.neighbours: ...
"""

from concord.sdk.client import Concord, until
from concord.sdk.errors import BadArgument, ConcordError, NoStack, Unreachable

__all__ = ["BadArgument", "Concord", "ConcordError", "NoStack", "Unreachable", "until"]
