"""What a contract demands of a row, for people who see why one was rejected."""

from __future__ import annotations

from filon.engines.reader import FORGOTTEN
from filon.project import Column, Dataset
from filon.stages.bronze.records import LONGEST_RECORD

RULES = {
    "minLength": "text of at least {} characters",
    "maxLength": "text of at most {} characters",
    "pattern": "text that matches {}",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "greater than {}",
    "exclusiveMaximum": "less than {}",
    "enum": "one of {}",
    "notAfter": "not after the date of the run",
}
RECORDS = {
    "too_few_fields": "as many fields as the header; there are fewer",
    "too_many_fields": "as many fields as the header; there are more",
    "unterminated_quote": "a field that begins with a quote ends with one",
    "stray_quote": "nothing stands after the quote that ends a field",
    "line_too_long": f"a line has at most {LONGEST_RECORD:,} characters",
}


def demand_of(dataset: Dataset, reason: str) -> str:
    """What the contract of today demands where rows have this reason; empty when it demands nothing of the kind."""
    if reason == FORGOTTEN:
        return "no record of a person who is forgotten"
    name, _, word = reason.partition(":")
    if not word:
        return next((rule.expression for rule in dataset.rules if rule.name == name), "")
    if name == "record" and word in RECORDS:
        return RECORDS[word]
    column = next((column for column in dataset.contract.columns if column.name == name), None)
    return _of_column(column, word) if column else ""


def _of_column(column: Column, word: str) -> str:
    formats = f" as {' or '.join(column.formats)}" if column.format else ""
    spelled = f"{column.type}{formats}"
    reference = column.reference
    own = {
        "required": "not empty",
        "type": spelled,
        "scale": f"{column.type}: at most {column.type.scale} decimals",
        "precision": spelled,
        "reference": f"a value of {reference.table}.{reference.column}" if reference else "",
    }
    if word in own:
        return own[word]
    rule = next((rule for rule in column.rules if rule.name == word), None)
    return RULES[word].format(", ".join(rule.texts)) if rule and word in RULES else ""
