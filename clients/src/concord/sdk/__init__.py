"""The Python SDK: one client, a small class per department.

async with Concord.connect(person="regulator-a") as concord:
    request = await concord.registry.get_request(request_id)
    await concord.registry.accept(request["id"], reasons="The authority's grounds hold.")
"""

from concord.sdk.client import Concord, until
from concord.sdk.errors import BadArgument, ConcordError, NoStack, Unreachable

__all__ = ["BadArgument", "Concord", "ConcordError", "NoStack", "Unreachable", "until"]
