"""Show the public register's entry for a number, or for a host name."""

from query.errors import AddressesAreOfficial, EntryNotFound
from query.lookup.freshness import Freshness
from query.lookup.point import Finder, Group, group
from query.public import register
from query.readmodel.acts import found_id
from query.readmodel.records import id_of
from query.service.look_up import Key
from query.service.state import model_of
from shared.contracts.http.query import By
from shared.contracts.http.register import RegisterEntry
from shared.runtime.acts.runtime import Runtime


async def show_entry(rt: Runtime, key: str) -> RegisterEntry:
    """The entry for a registration or site number, or for a host name, also of a site that is in no register.

    A host name's entry is that of the registration its site stands under, and whatever befell the name before it was
    registered. Raises EntryNotFound, KeyMalformed, AddressesAreOfficial, ReadModelOutdated.
    """
    asked = Key(By.AUTO, key, "key").read()
    if asked.by is By.IP:
        raise AddressesAreOfficial.field("key", "give a number or a host name")
    model = model_of(rt)
    with model.reading() as txn:
        finder = Finder(model, txn)
        hit, unlisted = finder.find_asked(asked), finder.find_unregistered(asked)
        if hit is None and unlisted is None:
            raise EntryNotFound(key=asked.terms[0])
        sites = _of_one_registration(group(hit)) if hit is not None else None
        orders = [model.orders_of(txn, id_of(each.site.site_id)) for each in sites.entries] if sites else []
        if unlisted is not None:
            orders.append(model.orders_of(txn, found_id(unlisted.site.host)))
        freshness = Freshness(model.as_of_in(txn), rt.clock.now())
    return register.entry(asked.terms[0], sites, unlisted.site if unlisted else None, orders, freshness)


def _of_one_registration(found: Group) -> Group:
    """Of the sites that have a name, those that stand under the registration of the first."""
    first = found.entries[0].registration
    entries = [each for each in found.entries if each.registration.number == first.number]
    return found if len(entries) == len(found.entries) else Group(len(entries), entries)
