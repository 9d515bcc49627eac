"""User agents by family and major version: enough to see which browser an error is of."""

from __future__ import annotations

import re

_LONGEST = 60

# The first that is found: most browsers also claim to be those further down.
_FAMILIES = (
    ("Edge", re.compile(r"\bEdg(?:e|A|iOS)?/(\d+)")),
    ("Opera", re.compile(r"\b(?:OPR|Opera)/(\d+)")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/(\d+)")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/(\d+)")),
    ("Headless Chrome", re.compile(r"\bHeadlessChrome/(\d+)")),
    ("Chrome", re.compile(r"\b(?:Chrome|CriOS|Chromium)/(\d+)")),
    ("Safari", re.compile(r"\bVersion/(\d+)[\d.]*(?: Mobile/\S+)? Safari/")),
    ("Internet Explorer", re.compile(r"\bMSIE (\d+)|\bTrident/.*\brv:(\d+)")),
)
_BOT = re.compile(r"\b([A-Za-z]{0,24}(?:bot|Bot|crawler|spider)[A-Za-z]{0,12})\b(?:/(\d+))?")
_PRODUCT = re.compile(r"([A-Za-z][A-Za-z_.-]{1,38})/v?(\d+)")


def family_of(user_agent: str | None) -> str | None:
    """`Firefox 121`, `curl 8`; None where there is nothing to tell."""
    if not user_agent:
        return None
    text = user_agent[:500]
    bot = _BOT.search(text)
    if bot is not None:
        return _label(bot[1], bot[2])
    for family, pattern in _FAMILIES:
        match = pattern.search(text)
        if match is not None:
            return _label(family, match[match.lastindex or 1])
    product = _PRODUCT.match(text)
    return _label(product[1], product[2]) if product and product[1] != "Mozilla" else "(other)"


def _label(family: str, version: str | None) -> str:
    return f"{family} {version[:6]}"[:_LONGEST] if version else family[:_LONGEST]
