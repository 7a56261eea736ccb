"""`python -m tests.translations`: bring locale/ up to date with the texts in code and templates.

New texts come in empty, texts that nobody uses go, and the .mo files are compiled again. What is
still to translate is printed. Babel does the work, so that no gettext need be installed.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).parents[1]
LANGUAGES = ("id", "pt_BR")
APPS = (
    *("accounts", "config", "console", "egress", "events", "messaging"),
    *("realtime", "sandbox", "sessions_mgr", "webhooks"),
)
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    **{f"{name}_lazy": DEFAULT_KEYWORDS[name] for name in ("gettext", "ngettext", "pgettext")},
    "gettext_noop": None,
    "noop": None,
}


def collected() -> Catalog:
    """Every text of the product, as English has it."""
    catalog = Catalog(project="Switchboard", charset="utf-8")
    for path in _sources():
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".py":
            # The tokenizer of Python reads it, to which a template's indentation means nothing.
            lines = templatize(text, origin=str(path)).splitlines()
            text = "\n".join(line.strip() for line in lines)
        source = io.BytesIO(text.encode())
        for _line, said, notes, context in extract("python", source, KEYWORDS):
            where = [(path.relative_to(ROOT).as_posix(), 0)]
            catalog.add(said, locations=where, auto_comments=notes, context=context)
    return catalog


def _sources() -> Iterator[Path]:
    yield from sorted((ROOT / "templates").rglob("*.html"))
    yield from sorted((ROOT / "templates").rglob("*.txt"))
    for app in APPS:
        yield from sorted((ROOT / app).rglob("*.py"))


def po_file(language: str) -> Path:
    return ROOT / "locale" / language / "LC_MESSAGES" / "django.po"


def load(language: str) -> Catalog:
    with po_file(language).open("rb") as file:
        catalog = read_po(file, locale=language)
    catalog.msgid_bugs_address = catalog.last_translator = catalog.language_team = "Switchboard"
    return catalog


def write(language: str, catalog: Catalog) -> None:
    """The .po that people edit, and the .mo that Django reads."""
    with po_file(language).open("wb") as file:
        write_po(file, catalog, sort_output=True, width=100, include_lineno=False)
    po_file(language).with_suffix(".mo").write_bytes(compiled(catalog))


def compiled(catalog: Catalog) -> bytes:
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def texts(catalog: Catalog) -> dict[tuple[str | None, str], Message]:
    """By context and English text; the header is none of them."""
    return {
        (one.context, one.id if isinstance(one.id, str) else one.id[0]): one
        for one in catalog
        if one.id
    }


def is_translated(message: Message) -> bool:
    said = message.string
    return all(said) if isinstance(said, tuple | list) else bool(said)


def update() -> dict[str, list[str]]:
    """The texts of each language that are still to translate."""
    template, missing = collected(), {}
    for language in LANGUAGES:
        catalog = load(language)
        header = catalog.creation_date, catalog.header_comment
        catalog.update(template, no_fuzzy_matching=True)
        catalog.creation_date, catalog.header_comment = header
        catalog.obsolete.clear()
        write(language, catalog)
        left = [one for one in texts(catalog).values() if not is_translated(one)]
        missing[language] = [str(one.id) for one in left]
    return missing


if __name__ == "__main__":
    for language, left in update().items():
        print(f"{language}: {len(left)} texts to translate", *left, sep="\n  ")
    sys.exit(0)
