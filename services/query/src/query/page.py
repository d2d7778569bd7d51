"""The public register's entry as a page in Chinese and English: no scripts, nothing from elsewhere."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from shared.rules import chosen

_CHINA: Final = ZoneInfo("Asia/Shanghai")
_STYLE: Final = """
body{font:16px/1.6 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif;max-width:52rem;margin:2rem auto;
padding:0 1rem;color:#1b1b1b;background:#fff}h1{font-size:1.6rem;line-height:1.3}h2{font-size:1.15rem;margin-top:2rem;
border-bottom:1px solid #999}dt{font-weight:600;margin-top:.6rem}dd{margin:0;overflow-wrap:anywhere;
white-space:pre-line}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem .3rem 0;
border-bottom:1px solid #ddd;vertical-align:top}.state{padding:.5rem .8rem;border-left:.4rem solid #767676;
background:#f3f3f3}.revoked{border-color:#b00020}footer{margin:2.5rem 0;color:#555;font-size:.9rem}
"""
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
}

_WORDS: Final[Mapping[str, str]] = {
    "active": "有效 / in force",
    "revoked": "已注销 / revoked",
    "filing": "备案 / filing",
    "licence": "经营许可 / licence",
    "serving": "正常接入 / served",
    "cut_off_ordered": "已责令停止接入,尚未执行完毕 / ordered to be cut off, not carried out yet",
    "suspended": "已停止接入 / cut off",
    "restore_ordered": "已通知恢复接入,尚未执行完毕 / ordered to be restored, not carried out yet",
    "registration_active": "登记恢复有效 / the registration is in force again",
    "registration_revoked": "登记被注销 / the registration was revoked",
    "cut_off": "停止接入令 / order to cut off",
    "suspend": "暂停接入令 / order to suspend",
    "restore": "恢复接入令 / order to restore",
    "stop_billing": "停止代收费令 / order to stop billing",
    "resume_billing": "恢复代收费令 / order to resume billing",
    "released": "已发出 / sent",
    "received": "接入单位已签收 / received by the provider",
    "overdue": "逾期 / overdue",
    "partly_executed": "部分执行 / carried out in part",
    "impossible": "无法执行 / cannot be carried out",
    "contested": "接入单位提出异议 / contested by the provider",
    "executed": "已执行 / carried out",
}
_json = msgspec.json.Encoder().encode


def as_json(entry: Mapping[str, Any]) -> bytes:
    """The entry for machines."""
    return _json(entry)


def is_preferred(accept: str) -> bool:
    """Whether who asks would rather read HTML than JSON (RFC 9110 §12.5.1); who does not care gets JSON."""
    weights = dict(_weights(accept))
    return weights.get("text/html", 0.0) > weights.get("application/json", 0.0)


def _weights(accept: str) -> Iterable[tuple[str, float]]:
    for part in accept.split(","):
        name, *parameters = [piece.strip().lower() for piece in part.split(";")]
        weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        try:
            yield name, float(weight)
        except ValueError:
            yield name, 0.0


def render(entry: Mapping[str, Any]) -> str:
    """The entry as a page. Everything in it was written by others, and is escaped."""
    number, status = escape(entry["number"]), entry["registration"]["status"]
    parts = [
        f"<h1>网站登记公示 · Public register<br>{number}</h1>",
        f'<p class="state {escape(status)}"><strong>{_word(status)}</strong></p>',
        _facts(entry),
        _decision(entry["decision"]) if entry["decision"] else "",
        *(_site(site) for site in entry["sites"]),
        _history(entry["history"]),
        f"<footer>数据截至 / as of {_time(entry['as_of'])}。个人信息不予公示 / Personal data is not shown.</footer>",
    ]
    return (
        '<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{number} · 网站登记公示 / Public register</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>"
    )


def _facts(entry: Mapping[str, Any]) -> str:
    region = chosen().provinces.get(entry["region"])
    return _list([
        ("主办者 / Operator", escape(entry["operator"]["name"])),
        ("登记种类 / Kind", _word(entry["registration"]["kind"])),
        ("登记号 / Registration", escape(entry["registration"]["number"])),
        ("地区 / Region", escape(f"{region.chinese} {region.english}" if region else entry["region"])),
    ])  # fmt: skip


def _decision(decision: Mapping[str, Any]) -> str:
    redress = decision["redress"]
    return "<h2>处理决定 / Decision</h2>" + _list([
        ("作出机关 / Authority", escape(decision["authority"])),
        ("法律依据 / Legal basis", "<br>".join(escape(each) for each in decision["legal_basis"])),
        ("理由 / Reasons", escape(decision["reasons"])),
        ("救济途径 / Redress", f"{escape(redress['authority'])}<br>{escape(redress['how'])}<br>"
                              f"{redress['within_days']} 日内 / within {redress['within_days']} days"),
        ("决定编号 / Decision id", escape(str(decision["decision_id"] or "—"))),
    ])  # fmt: skip


def _site(site: Mapping[str, Any]) -> str:
    hosting = site["hosting"]
    since = f" ({_time(hosting.since)})" if hosting.since else ""
    order = ("指令编号 / Order id", escape(str(hosting.order_id)))
    return f"<h2>网站 / Site {escape(site['site_number'])}</h2>" + _list([
        ("名称 / Name", escape(site["name"])),
        ("域名 / Domains", "<br>".join(escape(each) for each in site["domains"])),
        ("服务项目 / Service items", escape(", ".join(site["service_items"])) or "—"),
        ("接入状态 / Hosting", _word(hosting.state) + since),
        *([order] if hosting.order_id else []),
    ])  # fmt: skip


def _history(events: Iterable[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td>{_time(event['at'])}</td><td>{_event(event['what'])}</td>"
        f"<td>{escape(event.get('site_number', ''))}</td></tr>"
        for event in events
    )
    return f"<h2>经过 / What happened</h2><table>{rows}</table>" if rows else ""


def _event(what: str) -> str:
    if what in _WORDS:
        return escape(_WORDS[what])
    action = next((each for each in _WORDS if what.startswith(f"{each}_")), "")
    return f"{_word(action)}: {_word(what.removeprefix(f'{action}_'))}" if action else escape(what)


def _list(pairs: Iterable[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in pairs) + "</dl>"


def _word(word: str) -> str:
    return escape(_WORDS.get(word, word))


def _time(moment: datetime | None) -> str:
    if moment is None:
        return "—"
    local = moment.astimezone(_CHINA)
    return f'<time datetime="{moment.isoformat()}">{local:%Y-%m-%d %H:%M:%S} (UTC+8)</time>'
