"""The verbs of query: look up, look up a list, show the register, say who looked something up."""

from query.service.listed import count_register, download_register, list_register, wanted_of
from query.service.look_up import Key, look_up, look_up_in_public
from query.service.look_up_many import Listing, look_up_many
from query.service.show_entry import show_entry
from query.service.state import State, start, stop
from query.service.who_asked import Asking, keys_of, who_asked

__all__ = [
    "Asking",
    "Key",
    "Listing",
    "State",
    "count_register",
    "download_register",
    "keys_of",
    "list_register",
    "look_up",
    "look_up_in_public",
    "look_up_many",
    "show_entry",
    "start",
    "stop",
    "wanted_of",
    "who_asked",
]
