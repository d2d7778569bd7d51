"""Who can act, and where an organisation stands: the words that tokens, policies and the rule profile share."""

from enum import StrEnum


class Role(StrEnum):
    """What somebody may be; the rule profile names each in both languages with its source."""

    OPERATOR = "operator"
    SECTOR_REGULATOR = "sector_regulator"
    INDUSTRY_REGULATOR = "industry_regulator"
    ACCESS_DESK = "access_desk"
    ACCESS_PROVIDER = "access_provider"
    DOMAIN_REGISTRAR = "domain_registrar"
    SECURITY_AUTHORITY = "security_authority"
    NETWORK_SUPERVISOR = "network_supervisor"
    QUERY_DESK = "query_desk"
    COORDINATION_OFFICE = "coordination_office"
    REVIEW_BODY = "review_body"
    COMPANY_REGISTRAR = "company_registrar"
    INDUSTRY_BODY = "industry_body"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Level(StrEnum):
    """Where an organisation stands: of the whole country, or of one province."""

    NATIONAL = "national"
    PROVINCE = "province"
