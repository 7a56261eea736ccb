"""A pairing code as a picture. Dark on light with a wide margin, so that phones read it at once."""

from __future__ import annotations

import io

import segno

BORDER = 4  # modules, the quiet zone of the standard


def svg(code: str, *, css_class: str = "qr") -> str:
    """An <svg> element without XML declaration, sized by its container. Never holds the text."""
    out = io.BytesIO()
    segno.make(code, error="l", micro=False).save(
        out,
        kind="svg",
        xmldecl=False,
        svgns=True,
        border=BORDER,
        omitsize=True,
        dark="#111",
        light="#fff",
        svgclass=css_class,
        lineclass=None,
    )
    return out.getvalue().decode()


def png(code: str) -> bytes:
    out = io.BytesIO()
    segno.make(code, error="l", micro=False).save(
        out, kind="png", scale=8, border=BORDER, dark="#111", light="#fff"
    )
    return out.getvalue()
