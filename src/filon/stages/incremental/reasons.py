"""Why a model, or what an input changes in it, cannot be computed for some keys only."""

from __future__ import annotations

from enum import StrEnum

from sqlglot import exp


class Reason(StrEnum):
    """A named reason; ``advice`` says what to write instead. ``docs/incremental.md`` lists them."""

    AGGREGATE_WITHOUT_GROUP = "AGGREGATE_WITHOUT_GROUP"
    AMBIGUOUS_NAME = "AMBIGUOUS_NAME"
    GROUPING_SETS = "GROUPING_SETS"
    JOIN_NOT_UNDERSTOOD = "JOIN_NOT_UNDERSTOOD"
    JOIN_WITHOUT_EQUALITY = "JOIN_WITHOUT_EQUALITY"
    KEY_FROM_OPTIONAL_SIDE = "KEY_FROM_OPTIONAL_SIDE"
    KEY_FROM_SEVERAL_INPUTS = "KEY_FROM_SEVERAL_INPUTS"
    KEY_NOT_EXACT = "KEY_NOT_EXACT"
    KEY_NOT_FROM_INPUT = "KEY_NOT_FROM_INPUT"
    KEY_TYPES_DIFFER = "KEY_TYPES_DIFFER"
    LIMIT = "LIMIT"
    NON_DETERMINISTIC = "NON_DETERMINISTIC"
    NOT_UNDERSTOOD = "NOT_UNDERSTOOD"
    NO_KEY = "NO_KEY"
    ORDER_DEPENDENT = "ORDER_DEPENDENT"
    RECURSIVE = "RECURSIVE"
    SCALAR_SUBQUERY = "SCALAR_SUBQUERY"
    TABLE_FUNCTION = "TABLE_FUNCTION"
    TOO_LARGE = "TOO_LARGE"
    WINDOW_ACROSS_KEYS = "WINDOW_ACROSS_KEYS"
    WINDOW_WITHOUT_PARTITION = "WINDOW_WITHOUT_PARTITION"

    @property
    def advice(self) -> str:
        """What to do about it, in one line."""
        return ADVICE[self]


ADVICE = {
    Reason.AGGREGATE_WITHOUT_GROUP: "compute the total in a model of its own, or group it by the key",
    Reason.AMBIGUOUS_NAME: "give the column of the SELECT another name, or write the table before the name",
    Reason.GROUPING_SETS: "write one model for each grouping",
    Reason.JOIN_NOT_UNDERSTOOD: "write it as INNER, LEFT or one FULL JOIN with the condition in ON",
    Reason.JOIN_WITHOUT_EQUALITY: "join by an equality of columns, or split what is joined into a model of its own",
    Reason.KEY_FROM_OPTIONAL_SIDE: "take the key from the side of the join that is always there",
    Reason.KEY_FROM_SEVERAL_INPUTS: "join in an intermediate model, and compute this one over it",
    Reason.KEY_NOT_EXACT: "use a key that is no floating-point number",
    Reason.KEY_NOT_FROM_INPUT: "use a key that is a column of an input, or computed from columns of one input alone",
    Reason.KEY_TYPES_DIFFER: "cast the key to one type in every branch",
    Reason.LIMIT: "split the choice of rows into its own model over an intermediate model",
    Reason.NON_DETERMINISTIC: "call only what docs/sql.md lists",
    Reason.NOT_UNDERSTOOD: "write that part in a plainer way: docs/incremental.md says what is understood",
    Reason.NO_KEY: "mark the columns that name a row by `primaryKey`",
    Reason.ORDER_DEPENDENT: "name the order: min or max, or ORDER BY inside the brackets",
    Reason.RECURSIVE: "compute the recursion in a model of its own",
    Reason.SCALAR_SUBQUERY: "write the subquery as a join by an equality of columns",
    Reason.TABLE_FUNCTION: "make the rows in a model of its own",
    Reason.TOO_LARGE: "divide the SELECT into several models",
    Reason.WINDOW_ACROSS_KEYS: "partition the window by the key, or split it into its own model",
    Reason.WINDOW_WITHOUT_PARTITION: "split the ranking or total into its own model over an intermediate model",
}


class NotLocal(Exception):
    """A query cannot be followed for some keys; ``line`` is that of the model's text, where it is known."""

    def __init__(self, reason: Reason, node: exp.Expr | None = None) -> None:
        self.reason = reason
        self.line = None if node is None else line_of(node)
        super().__init__(reason.value)


def line_of(node: exp.Expr) -> int | None:
    """The line of the first name in a part of a query; what has no name stands where its parent does."""
    above: exp.Expr | None = node
    while above is not None:
        lines = [part.meta["line"] for part in above.find_all(exp.Identifier) if "line" in part.meta]
        if lines:
            return int(min(lines))
        above = above.parent
    return None
