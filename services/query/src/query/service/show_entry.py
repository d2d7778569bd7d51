"""Show the public register's entry for a number."""

from query.errors import EntryNotFound
from query.lookup.freshness import Freshness
from query.lookup.point import Finder, group
from query.public import register
from query.readmodel.records import id_of
from query.service.look_up import Key
from query.service.state import model_of
from shared.contracts.http.query import By, RegisterEntry
from shared.runtime.acts.runtime import Runtime


async def show_entry(rt: Runtime, number: str) -> RegisterEntry:
    """The entry for a registration or site number. Raises EntryNotFound, KeyMalformed, ReadModelOutdated."""
    asked = Key(By.NUMBER, number, "number").read()
    model = model_of(rt)
    with model.reading() as txn:
        hit = Finder(model, txn).find_asked(asked)
        if hit is None:
            raise EntryNotFound(number=asked.terms[0])
        sites = group(hit)
        orders = [model.orders_of(txn, id_of(each.site.site_id)) for each in sites.entries]
        freshness = Freshness(model.as_of_in(txn), rt.clock.now())
    return register.entry(asked.terms[0], sites, orders, freshness)
