"""Every refusal a caller can meet, and its one shape on the wire: an RFC 9457 problem document."""

import inspect
import re
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Final, Self

BASE_URI: Final = "https://concord.example/problems/"
MEDIA_TYPE: Final = "application/problem+json"
_RESERVED: Final = frozenset({"type", "title", "status", "detail", "instance", "code", "trace_id"})


def _words(name: str) -> Sequence[str]:
    return re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+", name)


def _sentence(cls: "type[Problem]") -> str:
    if "__doc__" in cls.__dict__ and cls.__doc__:
        return " ".join(inspect.cleandoc(cls.__doc__).split("\n\n", 1)[0].split())
    return cls.template


class Problem(Exception):
    """The request could not be carried out.

    A subclass is one reason. Its docstring's first paragraph is the sentence a caller reads, filled in with the values
    given when it is raised; values the sentence does not name become members of the document, and so do those listed
    in ``members``. ``code`` and ``title`` follow from the class name unless they are stated.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "problem"
    title: ClassVar[str] = "Problem"
    members: ClassVar[frozenset[str]] = frozenset()
    """Values that the sentence names and the document carries as well."""
    template: ClassVar[str] = ""
    _named: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        words = _words(cls.__name__)
        if "code" not in cls.__dict__:
            cls.code = "_".join(words).lower()
        if "title" not in cls.__dict__:
            cls.title = " ".join([words[0], *(word.lower() for word in words[1:])])
        cls.template = _sentence(cls)
        cls._named = frozenset(name for _, name, _, _ in string.Formatter().parse(cls.template) if name)

    def __init__(self, **values: Any) -> None:
        missing = self._named - values.keys()
        if missing:
            raise TypeError(f"{type(self).__name__} needs {', '.join(sorted(missing))}")
        self.values: Mapping[str, Any] = MappingProxyType(values)
        self.detail = self.template.format(**values)
        kept = values.keys() - self._named | (values.keys() & self.members)
        if clash := kept & _RESERVED:
            raise TypeError(f"{type(self).__name__}: {', '.join(sorted(clash))} is a member of every problem")
        self.extensions: dict[str, Any] = {name: value for name, value in values.items() if name in kept}
        super().__init__(self.detail)

    @property
    def headers(self) -> dict[str, str]:
        """Header fields that go with this answer."""
        return {}

    def document(self, *, instance: str | None = None, trace_id: str | None = None) -> dict[str, Any]:
        """The problem as RFC 9457 wants it."""
        document = {"type": BASE_URI + self.code, "title": self.title, "status": self.status, "detail": self.detail}
        document |= {"code": self.code}
        if instance is not None:
            document["instance"] = instance
        if trace_id is not None:
            document["trace_id"] = trace_id
        return document | self.extensions


class BadRequest(Problem):
    """The request cannot be understood."""

    status = 400


class Unauthorized(Problem):
    """The bearer token is missing or not valid: {reason}."""

    status = 401
    error: ClassVar[str] = "invalid_token"

    @property
    def headers(self) -> dict[str, str]:
        """RFC 6750: how to authenticate, and why the token given was not taken."""
        return {"WWW-Authenticate": f'Bearer realm="concord", error="{self.error}", error_description="{self.detail}"'}


class TokenMissing(Unauthorized):
    """This needs a bearer token in the Authorization header."""

    @property
    def headers(self) -> dict[str, str]:
        """RFC 6750 §3.1: no error code when no credentials were sent."""
        return {"WWW-Authenticate": 'Bearer realm="concord"'}


class Forbidden(Problem):
    """You may not do this."""

    status = 403


class NotFound(Problem):
    """There is no {what} {id}."""

    status = 404


class RouteNotFound(Problem):
    """There is nothing at this address."""

    status = 404


class MethodNotAllowed(Problem):
    """This address does not take {method}."""

    status = 405

    def __init__(self, *, method: str, allow: str | None = None) -> None:
        super().__init__(method=method)
        self._allow = allow

    @property
    def headers(self) -> dict[str, str]:
        """The methods that are allowed here."""
        return {"Allow": self._allow} if self._allow else {}


class Conflict(Problem):
    """The present state does not allow this."""

    status = 409


class ActionRefused(Conflict):
    """The {aggregate} is {status}: {action} is not possible now.

    The member ``allowed_actions`` says what can be done instead.
    """


class PreconditionFailed(Problem):
    """The record was changed by somebody else since you read it: it is now at version {version}."""

    status = 412
    members = frozenset({"version"})


class TooLarge(Problem):
    """The body is larger than this address takes."""

    status = 413


class UnsupportedMediaType(Problem):
    """This address takes {accepted}."""

    status = 415


class Invalid(Problem):
    """Not valid: {names}."""

    status = 422

    def __init__(self, fields: Iterable[Mapping[str, str]] = (), **values: Any) -> None:
        listed = [dict(field) for field in fields]
        if "names" in self._named:
            values["names"] = ", ".join(dict.fromkeys(field["field"] for field in listed)) or "the request"
        super().__init__(fields=listed, **values)

    @classmethod
    def field(cls, name: str, message: str, **values: Any) -> Self:
        """One field is wrong; ``values`` are what the class's own sentence names."""
        return cls([{"field": name, "message": message}], **values)


class PreconditionRequired(Problem):
    """This changes a record: say which version of it you read, in an If-Match header."""

    status = 428


class Internal(Problem):
    """Something went wrong on our side; the trace id finds it in the log."""

    status = 500
    title = "Internal error"


class Unavailable(Problem):
    """This service cannot answer just now."""

    status = 503
    members = frozenset({"retry_after"})

    def __init__(self, *, retry_after: int = 5, **values: Any) -> None:
        super().__init__(retry_after=retry_after, **values)

    @property
    def headers(self) -> dict[str, str]:
        """When to try again."""
        return {"Retry-After": str(self.extensions["retry_after"])}


class DatabaseUnavailable(Unavailable):
    """The records of this department cannot be reached just now; send a write again with its own Idempotency-Key."""


class DatabaseSlow(Unavailable):
    """The records of this department did not answer in time; send a write again with its own Idempotency-Key."""


class TryAgain(Unavailable):
    """Somebody else is changing the same records; nothing was changed."""


class StorageFull(Unavailable):
    """There is no room left to keep this, so nothing was changed; whoever runs this service must make some."""

    status = 507

    def __init__(self, *, retry_after: int = 60) -> None:
        super().__init__(retry_after=retry_after)


def all_problems() -> list[type[Problem]]:
    """Every reason that is defined in the modules imported so far, ordered by code."""
    return sorted({*_subclasses(Problem)}, key=lambda problem: (problem.code, problem.__name__))


def _subclasses(cls: type[Problem]) -> Iterator[type[Problem]]:
    for sub in cls.__subclasses__():
        yield sub
        yield from _subclasses(sub)
