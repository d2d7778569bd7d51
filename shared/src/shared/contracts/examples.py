"""Values that the examples of several facts share, so that together they tell one story."""

from typing import Any, Final

APPROVAL: Final = "01940000-0000-7000-8000-000000000001"
OPERATOR: Final = "01940000-0000-7000-8000-000000000002"
REGISTRATION: Final = "01940000-0000-7000-8000-000000000003"
SITE: Final = "01940000-0000-7000-8000-000000000004"
PROVIDER: Final = "01940000-0000-7000-8000-000000000005"
ACCESS: Final = "01940000-0000-7000-8000-000000000006"
CASE: Final = "01940000-0000-7000-8000-000000000007"
DECISION: Final = "01940000-0000-7000-8000-000000000008"
EXECUTION: Final = "01940000-0000-7000-8000-000000000009"
NEIGHBOUR: Final = "01940000-0000-7000-8000-00000000000a"
ORDER: Final = "01940000-0000-7000-8000-00000000000b"
APPEAL: Final = "01940000-0000-7000-8000-00000000000c"
RECEIPT: Final = "01940000-0000-7000-8000-00000000000d"
NOTICE: Final = "01940000-0000-7000-8000-00000000000e"
REVIEW: Final = "01940000-0000-7000-8000-00000000000f"
REVIEW_SUBJECT: Final = "01940000-0000-7000-8000-000000000010"
OPINION: Final = "01940000-0000-7000-8000-000000000011"
EMERGENCY: Final = "01940000-0000-7000-8000-000000000012"
HOSTED_FINDING: Final = "01940000-0000-7000-8000-000000000013"
MERGER: Final = "01940000-0000-7000-8000-000000000014"
OVERLAP: Final = "01940000-0000-7000-8000-000000000015"

DIGEST: Final = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
AT: Final = "2026-11-22T04:00:00Z"

AUTHORITY: Final[dict[str, Any]] = {
    "id": "drugs-110000",
    "names": {"zh": "北京市药品监督管理局", "en": "Beijing Drug Administration"},
    "level": "province",
    "region": "110000",
}
REVIEW_BODY: Final[dict[str, Any]] = {
    "id": "review-110000",
    "names": {"zh": "北京市人民政府行政复议机关", "en": "Review body of Beijing"},
    "level": "province",
    "region": "110000",
}
STATEMENT: Final[dict[str, Any]] = {
    "legal_basis": ["Coordination Plan 2006, section 3(2) step 3"],
    "reasons": "The pharmacy sells prescription medicines without the consent of the drug administration.",
}
REMEDY: Final[dict[str, Any]] = {
    "body": REVIEW_BODY,
    "how": "Administrative reconsideration, in writing or in person",
    "how_zh": "书面或者口头申请行政复议",
    "within_days": 60,
}
GROUNDS: Final[dict[str, Any]] = {
    **STATEMENT,
    "authority": AUTHORITY,
    "evidence_hash": DIGEST,
    "redress": REMEDY,
    "case_id": CASE,
    "decision_id": DECISION,
    "profile": "cn-2006/1",
    "made_at": AT,
}

REGULATOR: Final[dict[str, Any]] = {
    "id": "industry-110000",
    "names": {"zh": "北京市通信管理局", "en": "Beijing Communications Administration"},
    "level": "province",
    "region": "110000",
}
OPERATOR_REF: Final[dict[str, Any]] = {"identity": "91110000MA0000000H", "name": "Example Pharmacy Ltd"}
CONSENT: Final[dict[str, Any]] = {
    "legal_basis": ["Coordination Plan 2006, section 3(1) step 3"],
    "reasons": "The applicant holds a pharmacy licence and named a pharmacist in charge.",
}
CONSENT_GROUNDS: Final[dict[str, Any]] = {
    **CONSENT,
    "authority": AUTHORITY,
    "redress": REMEDY,
    "profile": "cn-2006/1",
    "made_at": AT,
}
APPROVAL_RECORD: Final[dict[str, Any]] = {
    "approval_id": APPROVAL,
    "version": 2,
    "status": "granted",
    "live": True,
    "operator": OPERATOR_REF,
    "service_item": "drugs_and_devices",
    "domain": "pharmacy.example",
    "level": "province",
    "region": "110000",
    "authority": AUTHORITY,
    "number": "京药网械审〔2026〕1号",
    "scope": "Sale of over-the-counter medicines",
    "valid_from": "2026-11-22",
    "valid_until": "2029-11-22",
}

ACCESS_RECORD: Final[dict[str, Any]] = {
    "access_id": ACCESS,
    "provider_id": PROVIDER,
    "ips": ["198.18.0.10"],
    "hosting_mode": "virtual_host",
    "region": "110000",
    "status": "live",
}
FROZEN_SITE: Final[dict[str, Any]] = {
    "site_id": SITE,
    "version": 3,
    "number": "京ICP备10046444号-1",
    "name": "Example Pharmacy",
    "hosts": ["pharmacy.example", "xn--fsqu00a.test"],
    "spared": ["advice.pharmacy.example"],
    "accesses": [ACCESS_RECORD],
}
PREVIEW: Final[dict[str, Any]] = {
    "hosts": ["pharmacy.example", "xn--fsqu00a.test"],
    "neighbours": [
        {
            "site_id": NEIGHBOUR,
            "number": "京ICP备10046445号-1",
            "name": "Example Bakery",
            "hosts": ["bakery.example"],
            "shares": ["198.18.0.10"],
        }
    ],
    "neighbours_total": 1,
    "protected": [],
    "as_of": AT,
}
OPERATOR_RECORD: Final[dict[str, Any]] = {
    "operator_id": OPERATOR,
    **OPERATOR_REF,
    "kind": "company",
    "region": "110000",
    "address_for_service": {"email": "legal@pharmacy.example", "email_verified": True},
}
REGISTRATION_RECORD: Final[dict[str, Any]] = {
    "registration_id": REGISTRATION,
    "kind": "filing",
    "number": "京ICP备10046444号",
    "level": "province",
    "region": "110000",
    "valid_until": None,
}
