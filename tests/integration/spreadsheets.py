"""Spreadsheet files as programs write them, made of their parts."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STYLES = {"general": 0, "date": 1, "moment": 2, "percent": 3, "duration": 4, "custom": 5, "time": 6}
FORMATS = (
    '<numFmt numFmtId="164" formatCode="[h]:mm:ss"/><numFmt numFmtId="165" formatCode="[$-40C]dd\\-mmm\\-yy;@"/>',
)
NUMBERS = (0, 14, 22, 10, 164, 165, 20)
ODF = "urn:oasis:names:tc:opendocument:xmlns:"

Parts = Mapping[str, str | bytes]


def archive(parts: Parts) -> bytes:
    """A zip archive of parts."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return stream.getvalue()


def column_letters(index: int) -> str:
    """The letters of a column, from 0."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def cell(value: object, style: str = "general", kind: str = "") -> str:
    """A cell of a worksheet without its place: texts inline, numbers as they are written."""
    attributes = f' s="{STYLES[style]}"' if style != "general" else ""
    if value is None:
        return f"<c{attributes}/>"
    if isinstance(value, bool):
        return f'<c t="b"{attributes}><v>{int(value)}</v></c>'
    if isinstance(value, str) and not kind:
        return f'<c t="inlineStr"{attributes}><is><t>{escape(value)}</t></is></c>'
    typed = f' t="{kind}"' if kind else ""
    return f"<c{typed}{attributes}><v>{escape(str(value))}</v></c>"


def row(*cells: object, attributes: str = "", first: int = 0, number: int | None = None) -> str:
    """A row; values that are no cells yet become cells, from a column on."""
    made = [value if isinstance(value, str) and value.startswith("<c") else cell(value) for value in cells]
    if number is not None:
        made = [
            text.replace("<c", f'<c r="{column_letters(index)}{number}"', 1) for index, text in enumerate(made, first)
        ]
        attributes += f' r="{number}"'
    return f"<row{attributes}>{''.join(made)}</row>"


def worksheet(*rows: str, before: str = "", after: str = "") -> str:
    """A worksheet of rows."""
    data = f"<sheetData>{''.join(rows)}</sheetData>"
    return f'<?xml version="1.0"?><worksheet xmlns="{MAIN}">{before}{data}{after}</worksheet>'


def xlsx_parts(
    sheets: Mapping[str, str],
    *,
    hidden: Sequence[str] = (),
    texts: Sequence[str] = (),
    starts_1904: bool = False,
) -> dict[str, str | bytes]:
    """The parts of a workbook; ``texts`` are shared ones, as XML inside of ``si``."""
    listed, related = [], []
    parts: dict[str, str | bytes] = {}
    for number, (name, content) in enumerate(sheets.items(), start=1):
        state = ' state="hidden"' if name in hidden else ""
        listed.append(f'<sheet name={quoteattr(name)} sheetId="{number}"{state} r:id="rId{number}"/>')
        related.append(
            f'<Relationship Id="rId{number}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        )
        parts[f"xl/worksheets/sheet{number}.xml"] = content
    related += [
        f'<Relationship Id="rId{kind}" Type="{OFFICE}/{kind}" Target="{kind}.xml"/>'
        for kind in ("styles", "sharedStrings")
    ]
    calendar = '<workbookPr date1904="1"/>' if starts_1904 else ""
    formats = "".join(f'<xf numFmtId="{number}"/>' for number in NUMBERS)
    return {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships xmlns="{RELATIONS}"><Relationship Id="rId1" Type="{OFFICE}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">{calendar}'
        f"<sheets>{''.join(listed)}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{RELATIONS}">{"".join(related)}</Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><numFmts>{"".join(FORMATS)}</numFmts>'
        f"<cellXfs>{formats}</cellXfs></styleSheet>",
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{"".join(f"<si>{text}</si>" for text in texts)}</sst>',
        **parts,
    }


def xlsx(*rows: str) -> bytes:
    """A workbook of one sheet."""
    return archive(xlsx_parts({"Feuil1": worksheet(*rows)}))


def ods_cell(text: str, kind: str = "string", value: str = "", attributes: str = "") -> str:
    """A cell of an OpenDocument sheet: what it shows, and its value."""
    names = {"date": "date-value", "time": "time-value", "boolean": "boolean-value"}
    given = f' office:{names.get(kind, "value")}="{value}"' if value else ""
    shown = f"<text:p>{escape(text)}</text:p>"
    return f'<table:table-cell office:value-type="{kind}"{given}{attributes}>{shown}</table:table-cell>'


def ods_row(*cells: str, attributes: str = "") -> str:
    """A row; texts that are no cells yet become cells."""
    made = [text if text.startswith("<table") else ods_cell(text) for text in cells]
    return f"<table:table-row{attributes}>{''.join(made)}</table:table-row>"


def ods_parts(sheets: Mapping[str, str], hidden: Sequence[str] = ()) -> dict[str, str | bytes]:
    """The parts of an OpenDocument file; each sheet as its rows."""
    spaces = " ".join(f'xmlns:{name}="{ODF}{name}:1.0"' for name in ("office", "table", "text", "style"))
    tables = "".join(
        f'<table:table table:name={quoteattr(name)} table:style-name="{"h" if name in hidden else "v"}">'
        f"{rows}</table:table>"
        for name, rows in sheets.items()
    )
    styles = (
        '<style:style style:name="h" style:family="table"><style:table-properties table:display="false"/></style:style>'
    )
    return {
        "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
        "content.xml": f"<office:document-content {spaces}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>",
    }


def ods(*rows: str) -> bytes:
    """An OpenDocument file of one sheet."""
    return archive(ods_parts({"Feuille1": "".join(rows)}))
