"""What to do about each thing that can be wrong with a row: one sentence a code."""

from types import MappingProxyType
from typing import Final

_AGAIN: Final = "Correct it in the file and send the file again: what is in already stays as it is."
ADVICE: Final = MappingProxyType({
    "address_taken": "Ask the provider which of the two is right; a shared server is no dedicated one.",
    "approval_missing": "The operator asks the authority of this item for its consent, or gives the item up.",
    "bad_check_digit": "Compare it with the certificate. If it is right (before 2016), enter the operator singly.",
    "bad_csv": "Put fields with commas, quotes or line ends into quotes, and write a quote inside them twice.",
    "bad_domain": "Write each host name by itself, as in an address bar, several separated by ;.",
    "bad_ip": "List each public address of the site by itself, without port or network, several separated by ;.",
    "bad_number": "Give the number of the registration as it was issued in this province, or leave it out.",
    "bad_uscc": "Give the 18 characters of the organisation's unified social credit code. Persons are not imported.",
    "barred": "The operator is barred: whether and until when stands in the decision it was notified of.",
    "cell_error": "Put the value into the cell instead of the formula.",
    "cell_is_date": "Format the column as text and enter the value again.",
    "characters_lost": "Export the file again, as UTF-8: what was lost cannot be guessed.",
    "differs": "If the file is right, amend the site that is registered; if the register is right, drop the row.",
    "digits_lost": "Format the column as text and enter the value again: Excel has lost its last digits.",
    "domain_taken": "Find out whose name it is; a site can be transferred, but a name belongs to one site.",
    "filing_pending": "Grant or refuse the application that lies on the desk, then send the file again.",
    "formula_without_value": "Put the value into the cell instead of the formula.",
    "line_too_long": "Look for a quote that is never closed, or for text that does not belong into the row.",
    "not_live": "Nothing: an import revives nothing. Whoever wants the site back uses the way that its end names.",
    "not_utf8": "Save the file as UTF-8, or say its charset: Content-Type: text/csv; charset=gb18030.",
    "number_ended": "Leave the number out: it is never used again, and the next one is issued.",
    "number_taken": "Compare the number with the certificate: it is another operator's.",
    "open_quote": "Close the quote, or write it twice if it is part of the text.",
    "operator_differs": "If the file is right, amend the operator; else correct the file.",
    "operator_elsewhere": "Send the row to the regulator of the province in which the operator is registered.",
    "other_number": "Compare the number with the certificate, or leave it out.",
    "out_of_region": "Send the row to the regulator of that province.",
    "provider_unlicensed": "Give the id of a licensed provider as the register of providers shows it.",
    "too_many_sites": "Further sites go under a number of their own.",
    "unknown_provider": "Give the id of a licensed provider as the register of providers shows it.",
    "unknown_region": "Give the GB/T 2260 code of the province, such as 110000.",
    "wrong_columns": "Give each row as many fields as the header; quote those with commas in them.",
})  # fmt: skip


def advice_on(code: str) -> str:
    """What to do about it."""
    return ADVICE.get(code, _AGAIN)
