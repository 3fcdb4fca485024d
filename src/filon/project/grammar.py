"""The SQL that a project may be written in: what it is made of, and how much of it there may be.

Nothing here decides by a list of what is forbidden. Each word that calls something must be in ``functions.FUNCTIONS``,
each node of the tree in ``NODES``; the rest is refused, and so is whatever an engine learns later.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import SqlglotError

from filon.project.functions import FUNCTIONS, IN_FROM, LEAST_ARGUMENTS, READ_BY, Setting, words
from filon.sql import DIALECT

PARSER = sqlglot.Dialect.get_or_raise(DIALECT).parser_class

LONGEST_TEXT, MOST_TOKENS = 100_000, 20_000
MOST_BRACKETS, LONGEST_RUN, DEEPEST_TREE = 40, 1_000, 250
"""How deep brackets, words without a comma or bracket, and parts of a query may stand in each other. The parser calls
itself for each level, in compiled code that no limit of Python's guards: its stack must hold them all."""

OPENING = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE}
CLOSING = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END}
LITERALS = {TokenType.STRING, TokenType.NUMBER}
OTHER_TEXTS = {
    TokenType.BIT_STRING,
    TokenType.BYTE_STRING,
    TokenType.HEREDOC_STRING,
    TokenType.HEX_STRING,
    TokenType.NATIONAL_STRING,
    TokenType.RAW_STRING,
    TokenType.UNICODE_STRING,
}
"""An engine may see such a text end elsewhere, and take for SQL what this parser takes for text."""

BEFORE_BRACKETS = words(
    """
    all and any as between by case cast cube distinct else escape except exclude exists extract filter from group having
    ilike in intersect interval is join lateral like limit materialized not offset on or over position qualify rollup
    select sets substring then to trim try_cast union unnest using values when where zone
    """
)
"""Words of the grammar that a bracket may follow; some are functions whose arguments have a grammar of their own."""
SIZED_TYPES = frozenset({"char", "dec", "decimal", "numeric", "varchar"})
TYPES_OF_FIELDS = frozenset({"struct"})

CALLED_WITHOUT_BRACKETS = words(
    """
    current_catalog current_date current_role current_schema current_time current_timestamp current_user localtime
    localtimestamp session_user user
    """
)
"""Where no column has such a name, engines take it for a call, even in quotes."""

NODES = frozenset(
    {
        # queries
        exp.Select, exp.Subquery, exp.Union, exp.Except, exp.Intersect, exp.With, exp.CTE, exp.Values,
        exp.Tuple, exp.From, exp.Table, exp.TableAlias, exp.Join, exp.Lateral, exp.Unnest, exp.Where, exp.Group,
        exp.Having, exp.Qualify, exp.Order, exp.Ordered, exp.Limit, exp.Offset, exp.Distinct, exp.GroupingSets,
        exp.Rollup, exp.Cube, exp.Window, exp.WindowSpec, exp.Filter, exp.WithinGroup, exp.IgnoreNulls,
        exp.RespectNulls,
        # names and values
        exp.Alias, exp.Column, exp.Identifier, exp.Star, exp.Dot, exp.Literal, exp.Boolean, exp.Null, exp.Var,
        exp.Paren, exp.Array, exp.Struct, exp.ToMap, exp.PropertyEQ, exp.Bracket, exp.Slice, exp.Interval,
        exp.IntervalSpan,
        # types
        exp.DataType, exp.DataTypeParam, exp.ColumnDef,
        # operators
        exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Pow, exp.Neg, exp.DPipe, exp.BitwiseAnd,
        exp.BitwiseOr, exp.BitwiseNot, exp.BitwiseLeftShift, exp.BitwiseRightShift, exp.And, exp.Or, exp.Not,
        exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In, exp.Between, exp.NullSafeEQ,
        exp.NullSafeNEQ, exp.Like, exp.ILike, exp.Escape, exp.SimilarTo, exp.RegexpLike, exp.Glob, exp.Exists,
        exp.Any, exp.All, exp.Case, exp.If, exp.AtTimeZone, exp.Collate,
        # calls: those with a grammar of their own, and all others
        exp.Cast, exp.TryCast, exp.Extract, exp.Trim, exp.Substring, exp.StrPosition, exp.Explode,
        exp.Anonymous,
    }
)  # fmt: skip
"""What a query may be made of."""

MARK = "filon_call_"
CALLED = re.compile(rf"{MARK}(\d+)", re.IGNORECASE)
SHOWN = 60
LIKE = 0.75
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""What an engine may take for the end of a text."""
TABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SEE = "docs/sql.md lists what may be used"
DIVIDE = "divide it into steps of a WITH clause, or into several models"
READS_FILES = ("a query reads tables, not files", "describe the file by a contract under sources/")
# only the wording depends on these two
CLOCK = {"age", "ago", "get_current_time", "get_current_timestamp", "now", "today", "transaction_timestamp"}
CHANCE = {"gen_random_uuid", "nextval", "random", "setseed", "txid_current", "uuid", "uuidv4", "uuidv7"}


class Fault(NamedTuple):
    """A part of a text that is no SQL of Filon's: its line, what is wrong, and what to write."""

    line: int
    what: str
    fix: str


class SqlRefused(SqlglotError):
    """A text that must not even reach the parser."""

    def __init__(self, line: int, what: str, fix: str) -> None:
        self.fault = Fault(line, what, fix)
        super().__init__(what)


def read_tokens(text: str, *, is_composed: bool = False) -> list[Token]:
    """The words of a text; Refused when the parser could not end, or not end well, with so many or such ones.

    What Filon composed may be of any size: its parts were read before.
    """
    if control := CONTROL.search(text):
        line = text.count("\n", 0, control.start()) + 1
        raise SqlRefused(line, f"the SQL has a control character (code {ord(control[0])})", "remove the character")
    if len(text) > LONGEST_TEXT and not is_composed:
        raise SqlRefused(1, f"the SQL has {len(text):,} characters, more than {LONGEST_TEXT:,}", DIVIDE)
    tokens = list(sqlglot.tokenize(text, dialect=DIALECT))
    if len(tokens) > MOST_TOKENS and not is_composed:
        raise SqlRefused(1, f"the SQL has {len(tokens):,} words, more than {MOST_TOKENS:,}", DIVIDE)
    if not is_composed:
        _require_shallow(tokens)
    for index, token in enumerate(tokens):
        if token.token_type in OTHER_TEXTS:
            raise SqlRefused(token.line, "a special kind of text literal", "write it as 'text'")
        if _is_call(tokens, index) and token.token_type in PARSER.TYPE_TOKENS and token.text.lower() not in FUNCTIONS:
            name = token.text.upper()  # the parser tries two readings of it, and again of each that stands inside
            raise SqlRefused(token.line, f"`{name}` is a type, not a function", f"write CAST(… AS {name})")
    return tokens


def settings_read(text: str) -> frozenset[Setting]:
    """The settings that a query or an expression reads through the functions that it calls."""
    if not any(name in text.lower() for name in READ_BY):  # most texts: they need not be cut into words
        return frozenset()
    tokens = read_tokens(text)
    calls = (tokens[index].text.lower() for index in range(len(tokens)) if _is_call(tokens, index))
    return frozenset(READ_BY[name] for name in calls if name in READ_BY)


def _require_shallow(tokens: list[Token]) -> None:
    runs = [0]
    for token in tokens:
        if token.token_type in OPENING:
            runs.append(0)
        elif token.token_type in CLOSING and len(runs) > 1:
            runs.pop()
        elif token.token_type is TokenType.COMMA:
            runs[-1] = 0
        runs[-1] += 1
        if len(runs) > MOST_BRACKETS:
            raise SqlRefused(token.line, f"more than {MOST_BRACKETS} brackets or CASEs in each other", DIVIDE)
        if runs[-1] > LONGEST_RUN:
            raise SqlRefused(token.line, f"more than {LONGEST_RUN:,} words without a comma or a bracket", DIVIDE)


def _is_call(tokens: list[Token], index: int) -> bool:
    """Whether a word stands before a bracket as the name of a function, or of something that has columns."""
    token, after = tokens[index], tokens[index + 1 : index + 3]
    if not after or after[0].token_type is not TokenType.L_PAREN or token.token_type in LITERALS:
        return False
    before = tokens[index - 1].token_type if index else None
    inside = after[1].token_type if len(after) > 1 else None
    if token.token_type is TokenType.IDENTIFIER or before is TokenType.DOT:
        return True
    word = token.text.lower()
    if not word.isidentifier() or word in BEFORE_BRACKETS | TYPES_OF_FIELDS:
        return False
    if word == "replace" and before is TokenType.STAR:
        return False
    return not (word in SIZED_TYPES and inside is TokenType.NUMBER)


def faults_in(text: str, columns: Collection[str] = ()) -> list[Fault]:
    """What in a query or an expression is no SQL of Filon's, by line.

    ``columns``: names in quotes that are known to be columns. SqlglotError when the text is no SQL at all.
    """
    return sorted(set(_Reading(text, frozenset(name.casefold() for name in columns)).faults()))


def read_plain(text: str, *, composed: bool = False) -> exp.Expr:
    """The tree of one query in which each call is an ``Anonymous`` by the name that was written, in small letters.

    No function is understood, so none is spelled in another way when the tree becomes a text again. The line of a call
    stands in its ``meta``. SqlglotError when the text is not one statement.

    Args:
        text: the query
        composed: Filon wrote it, so that it may be of any size

    """
    reading = _Reading(text, frozenset(), composed)
    if len(reading.trees) != 1:
        raise SqlRefused(1, "several statements", "keep one SELECT")
    [tree] = reading.trees
    for node in tree.find_all(exp.Anonymous):
        _, name, node.meta["line"] = reading.called(node)
        node.set("this", name.lower())
    for word in tree.find_all(exp.Identifier):
        if marked := CALLED.fullmatch(word.name):  # a name with columns, such as t(x), looks like a call
            word.set("this", reading.words[int(marked[1])][0])
    return tree


@dataclass
class _Reading:
    """A text, read by a parser that is told of no function, so that each call is one by the name that was written."""

    text: str
    columns: frozenset[str]
    composed: bool = False

    def __post_init__(self) -> None:
        tokens = read_tokens(self.text, is_composed=self.composed)
        self.words = [(token.text, token.line) for token in tokens]
        calls = [index for index in range(len(tokens)) if _is_call(tokens, index)]
        self.chained = [index for index in calls if index and tokens[index - 1].token_type is TokenType.DOT]
        for index in calls:
            tokens[index].token_type, tokens[index].text = TokenType.VAR, f"{MARK}{index}"
        try:
            trees = PARSER(dialect=DIALECT).parse(tokens, self.text)
        except RecursionError:
            raise SqlRefused(1, "parts of the SQL stand too deep in each other", DIVIDE) from None
        self.trees = [tree for tree in trees if tree is not None]

    def faults(self) -> Iterator[Fault]:
        """Every fault, in no particular order."""
        waiting = [(tree, 1) for tree in self.trees]
        while waiting:
            node, depth = waiting.pop()
            if depth > DEEPEST_TREE:
                what = f"more than {DEEPEST_TREE} parts of the SQL stand in each other"
                yield Fault(self.line(node), what, DIVIDE)
                return
            faults = list(self.faults_of(node))
            yield from faults
            if not faults:  # parts of what is refused would only be told of again
                waiting += [(child, depth + 1) for child in node.iter_expressions()]

    def faults_of(self, node: exp.Expr) -> Iterator[Fault]:
        """What is wrong with one node."""
        if isinstance(node, exp.Anonymous):
            yield from self.call(node)
        elif isinstance(node, (exp.Table, exp.Lateral)):
            yield from self.source(node)
        elif isinstance(node, exp.Column):
            yield from self.column(node)
        elif type(node) not in NODES:
            yield self.unknown(node)

    def call(self, node: exp.Anonymous) -> Iterator[Fault]:
        """A call must be of a known function, by its name alone; one that stands in FROM is told of as a source."""
        index, name, line = self.called(node)
        known = name.lower() in FUNCTIONS and len(node.expressions) >= LEAST_ARGUMENTS.get(name.lower(), 0)
        if isinstance(node.parent, (exp.Table, exp.Lateral)):
            return
        if not known:
            yield Fault(line, *_not_known(f"{name}(…)" if node.expressions else f"{name}()", name.lower()))
        elif index in self.chained:
            yield Fault(
                line, f"`{name}(…)` is called behind a dot", f"write {name}(…) alone, its first argument inside"
            )

    def source(self, node: exp.Table | exp.Lateral) -> Iterator[Fault]:
        """FROM reads tables by their plain names, subqueries, and the few functions that only make rows."""
        what = node.this
        if isinstance(what, exp.Anonymous):
            index, name, line = self.called(what)
            if name.lower() not in IN_FROM or index in self.chained:
                yield Fault(line, *READS_FILES)
        elif isinstance(node, exp.Table) and isinstance(what, exp.Identifier):
            if node.args.get("db") or node.args.get("catalog") or not TABLE_NAME.fullmatch(what.this):
                yield Fault(self.line(node), f"`{self.spelled(node)}` names a schema or a file", "name the table alone")
        elif not isinstance(what, (exp.Subquery, exp.Unnest, exp.Explode)):
            yield Fault(self.line(node), *READS_FILES)

    def column(self, node: exp.Column) -> Iterator[Fault]:
        """A name that could be a call must be a column for sure."""
        name = node.name.casefold()
        if node.table or name not in CALLED_WITHOUT_BRACKETS:
            return
        if not (node.this.args.get("quoted") and name in self.columns):
            yield Fault(self.line(node), *_not_known(node.name, name))

    def unknown(self, node: exp.Expr) -> Fault:
        """The fault of a node that is not among those that are known."""
        name = type(node).key.lower() if not isinstance(node, exp.Func) else node.sql_name().lower()
        return Fault(self.line(node), *_not_known(self.spelled(node), name))

    def called(self, node: exp.Anonymous) -> tuple[int, str, int]:
        """Where a call stands among the words, the function's name as it was written, and its line."""
        marked = CALLED.fullmatch(node.name)
        index = int(marked[1]) if marked else -1
        return (index, *self.words[index]) if marked else (index, node.name, 1)

    def spelled(self, node: exp.Expr) -> str:
        """A node as SQL, in a few words."""
        text = CALLED.sub(lambda match: self.words[int(match[1])][0], node.sql(dialect=DIALECT))
        return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"

    def line(self, node: exp.Expr) -> int:
        """The line of a node: that of a name in it, else that on which its first word stands first."""
        for part in node.walk():
            if isinstance(part, exp.Identifier) and "line" in part.meta:
                return int(part.meta["line"])
            if isinstance(part, exp.Anonymous):
                return self.called(part)[2]
        first = re.match(r"\w+", self.spelled(node))
        words = (line for word, line in self.words if first and word.lower() == first[0].lower())
        return next(words, 1)


def _not_known(shown: str, name: str) -> tuple[str, str]:
    """What to say of something that is not known to Filon's SQL."""
    if name in CLOCK or name.startswith(("current_date", "current_time", "localtime")):
        return f"`{shown}` gives another answer at each run", "use as_of(), the date that the run was given"
    if name in CHANCE:
        return f"`{shown}` gives another answer at each run", "use surrogate_key(), or as_of() for a date"
    if name in CALLED_WITHOUT_BRACKETS:
        return (
            f"`{shown}` is not known to Filon's SQL",
            f'if it is a column, write t."{shown}" in a model, "{shown}" in a rule or check',
        )
    close = difflib.get_close_matches(name, FUNCTIONS, n=1, cutoff=LIKE)
    return f"`{shown}` is not known to Filon's SQL", f"did you mean `{close[0]}`? {SEE}" if close else SEE
