"""The bytes of evidence: the runtime's files, with the words that evidence has for what can be wrong."""

from typing import ClassVar

from enforcement.errors import EvidenceDamaged, EvidenceEmpty, EvidenceTooLarge
from shared.runtime.base.files import LIMIT, Files

__all__ = ["LIMIT", "EvidenceFiles"]


class EvidenceFiles(Files):
    """The evidence under one folder."""

    too_large: ClassVar = EvidenceTooLarge
    empty: ClassVar = EvidenceEmpty
    damaged: ClassVar = EvidenceDamaged
