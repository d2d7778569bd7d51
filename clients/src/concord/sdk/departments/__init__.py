"""The departments' verbs, as methods that take and return the models of `shared.contracts.http`; a module each."""

from concord.sdk.departments.access import Access
from concord.sdk.departments.approval import Approval
from concord.sdk.departments.base import Department, Id, Json
from concord.sdk.departments.complaints import Complaints
from concord.sdk.departments.coordination import Coordination
from concord.sdk.departments.enforcement import Enforcement
from concord.sdk.departments.query import Query
from concord.sdk.departments.registry import Registry
from concord.sdk.departments.reviews import Reviews

__all__ = [
    "Access",
    "Approval",
    "Complaints",
    "Coordination",
    "Department",
    "Enforcement",
    "Id",
    "Json",
    "Query",
    "Registry",
    "Reviews",
]
