"""What readers see where a site is suspended (RFC 7725), and which host names an order means: shared by the hooks."""

import html
from datetime import timedelta, timezone
from string import Template
from typing import Final
from urllib.parse import quote, urlsplit

from shared.contracts.orders import Order, OrderedSite

_CHINA: Final = timezone(timedelta(hours=8))
"""Where the days end that the decisions count; the register shows the same."""
STYLE: Final = (
    "body{max-width:42rem;margin:3rem auto;padding:0 1rem;font:1rem/1.6 system-ui,sans-serif;color:#222}"
    "dt{font-weight:600;margin-top:1rem}dd{margin:0}hr{margin:2rem 0}"
)
_SUSPENDED: Final = Template(
    """<!doctype html>
<html lang="zh-CN">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>451 · 本网站已被停止接入 · Unavailable for legal reasons</title><style>$style</style></head>
<body>
<h1>本网站已被停止接入</h1>
<p>接入服务提供者按照主管部门的指令，停止了对 <strong>$host</strong> 的接入。</p>
<dl>
<dt>网站</dt><dd>$site</dd>
<dt>备案／许可编号</dt><dd>$number_zh</dd>
<dt>作出决定的部门</dt><dd>$authority_zh</dd>
<dt>下达指令的部门</dt><dd>$issuer_zh</dd>
<dt>依据</dt><dd>$basis</dd>
<dt>理由</dt><dd>$reasons</dd>
<dt>期限</dt><dd>$until_zh</dd>
<dt>救济途径</dt><dd>$redress_zh</dd>
</dl>
<p><a href="$entry">公开登记簿中的记录</a></p>
<hr>
<section lang="en">
<h1>Unavailable for legal reasons</h1>
<p>The hosting provider has stopped serving <strong>$host</strong>, as it was ordered to.</p>
<dl>
<dt>Site</dt><dd>$site</dd>
<dt>Registration number</dt><dd>$number_en</dd>
<dt>Decided by</dt><dd>$authority_en</dd>
<dt>Ordered by</dt><dd>$issuer_en</dd>
<dt>Legal basis</dt><dd>$basis</dd>
<dt>Reasons</dt><dd>$reasons</dd>
<dt>Until</dt><dd>$until_en</dd>
<dt>How to challenge this</dt><dd>$redress_en</dd>
</dl>
<p><a href="$entry">Entry in the public register</a></p>
</section>
</body></html>
"""
)


def lineage(host: str) -> list[str]:
    """A host name and every name above it: ``www.a.example``, ``a.example``, ``example``."""
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


def means(site: OrderedSite, host: str) -> bool:
    """Whether an order about ``site`` means this host name: the nearest name at or above it that the order names says.

    A host that it names is meant, with the names below it if ``names_below``; a spared name is not, nor what lies
    below that.
    """
    hosts, spared = ({name.lower() for name in names} for names in (site.hosts, site.spared))
    for name in lineage(host):
        if name in hosts:
            return site.names_below or name == host
        if name in spared:
            return False
    return False


def blocked_page(host: str, order: Order) -> str:
    """The page for a suspended host name, in Chinese and English. It loads nothing and remembers nobody."""
    grounds = order.grounds
    if grounds is None:
        raise ValueError("an order that burdens nobody blocks nothing")
    redress, days = grounds.redress, grounds.redress.within_days
    until = f"{order.until.astimezone(_CHINA):%Y-%m-%d %H:%M} (UTC+8)" if order.until else None
    values = {
        "host": host,
        "site": order.site.name,
        "number_zh": order.site.number or "未备案",
        "number_en": order.site.number or "Not registered",
        "authority_zh": order.authority.names.zh,
        "authority_en": order.authority.names.en,
        "issuer_zh": order.issuer.names.zh,
        "issuer_en": order.issuer.names.en,
        "basis": "; ".join(grounds.legal_basis),
        "reasons": grounds.public_reasons,
        "until_zh": until or "直至恢复",
        "until_en": until or "Until it is restored",
        "redress_zh": f"{redress.body.names.zh}：{redress.in_chinese}（自通知送达之日起 {days} 日内）",
        "redress_en": f"{redress.body.names.en}: {redress.how}, within {days} days of the delivery of the notice",
        "entry": uri(order.register_entry),
    }
    return _SUSPENDED.substitute({name: html.escape(value) for name, value in values.items()}, style=STYLE)


def said(what: str, order: Order) -> str:
    """What was done to which names, for a receipt."""
    site = order.site
    below = " and names below" if site.names_below else ""
    spared = f", except {', '.join(site.spared)}" if site.spared else ""
    return f"{what} {', '.join(site.hosts)}{below}{spared}"[:500]


def uri(text: str) -> str:
    """A URI that can stand in a header and in a page: http or https, and only characters that URIs have.

    The dollar sign is written as %24: web servers take it for a variable.
    """
    if urlsplit(text).scheme not in {"http", "https"}:
        return "about:blank"
    return quote(text, safe=":/?#[]@!&'()*+,;=-._~%")


def links(order: Order, about: str | None) -> str:
    """Header ``Link``: who implements the block (RFC 7725 section 4: not who demands it), and where it is described."""
    blocker = uri(about) if about else f"urn:uuid:{order.provider_id}"
    return f'<{blocker}>; rel="blocked-by", <{uri(order.register_entry)}>; rel="describedby"'
