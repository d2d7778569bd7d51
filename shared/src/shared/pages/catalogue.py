"""What pages say, in each language: gettext catalogues, read from their .po files when first needed.

A text's msgid is its English. A word of the data (a status, an effect) has the kind of word as its context.
"""

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from shared.pages.language import Language

FOLDER: Final = Path(__file__).parent / "locale"


def catalogue(language: Language) -> Catalog:
    """The catalogue as it is written. Raises PoFileError for a malformed one."""
    with (FOLDER / f"{language}.po").open("rb") as source:
        return read_po(source, locale=language.tag.replace("-", "_"), abort_invalid=True)


@cache
def translations(language: Language) -> Translations:
    """The same, to ask for texts."""
    compiled = BytesIO()
    write_mo(compiled, catalogue(language))
    compiled.seek(0)
    return Translations(compiled)
