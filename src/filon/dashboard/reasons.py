"""Why records are rejected, in words: what the contract demands of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation

from filon.dashboard.client import Row
from filon.dashboard.language import Language, texts

RECORD = "record"
"""Before the colon of reasons that are of a record as a whole, whatever its columns."""


class Reasons:
    """The words of the reasons of a project.

    Args:
        language: that of the words
        tables: those of the lineage, which say what each contract demands

    """

    def __init__(self, language: Language, tables: Iterable[Row]) -> None:
        self._language = language
        self._rules = {(table["name"], rule["reason"]): rule for table in tables for rule in table.get("rules", ())}

    def words(self, dataset: str, reason: str) -> str:
        """What a record must be that has this reason; the reason itself where no contract of today has it."""
        name, _, word = reason.partition(":")
        if name == RECORD and f"rule.record.{word}" in texts():
            return self._language.text(f"rule.record.{word}")
        rule = self._rules.get((dataset, reason))
        if rule is None:
            return reason
        if rule["column"] is None:
            return self._language.text("rule.row", name=rule["rule"].replace("_", " "), bound=" ".join(rule["bounds"]))
        if f"rule.{rule['rule']}" not in texts():
            return reason
        return self._language.text(
            f"rule.{rule['rule']}", column=self._language.name(rule["column"]), bound=self._bound(rule)
        )

    def listed(self, dataset: str, reasons: Iterable[str]) -> str:
        """Several reasons as one text."""
        return "; ".join(self.words(dataset, reason) for reason in reasons)

    def _bound(self, rule: Row) -> str:
        bounds: Sequence[str] = rule["bounds"]
        if rule["rule"] == "type":
            kind, *formats = bounds
            named = self._language.text(f"type.{kind}")
            return f"{named} ({', '.join(formats)})" if formats else named
        if rule["rule"] == "reference":
            return self._language.name(bounds[0])
        if rule["rule"] in ("pattern", "enum"):
            return ", ".join(bounds)
        return ", ".join(map(self._number, bounds))

    def _number(self, text: str) -> str:
        try:
            return self._language.number(Decimal(text))
        except InvalidOperation:  # a date, or another word
            return text
