"""Functions of lists, maps and structs."""

from __future__ import annotations

from filon.engines.spark.casts import cast
from filon.engines.spark.expressions import Call, Spelling, unified
from filon.engines.spark.functions.forms import Form, form, forms
from filon.engines.spark.queries import series
from filon.engines.spark.terms import Term, Unspellable, name, quoted, require
from filon.engines.spark.types import BIGINT, BOOLEAN, INTEGER, NULL, TEXT, Type, list_of, struct_of

ZERO = Term("0", INTEGER, number="0")


def _same(kind: Type, *_: Type) -> Type:
    return kind


def _item(kind: Type, *_: Type) -> Type:
    return kind.item or NULL


def _list(term: Term) -> Term:
    return require(term, "a list", fits=term.type.name == "LIST")


def _value(call: Call) -> Term:
    values, kind = unified(call.terms) if call.terms else ((), NULL)
    return Term(f"array({', '.join(value.sql for value in values)})", list_of(kind))


def _with(call: Call) -> tuple[Term, Term]:
    """A list, and a value that it may hold."""
    first, second = call.take(2)
    container, value = (second, first) if call.name == "list_prepend" else (first, second)
    (_, value), kind = unified((Term("", _list(container).type.item or NULL), value))
    return container.cast(list_of(kind)), value


def _added(call: Call) -> Term:
    container, value = _with(call)
    lists = [container.sql, f"array({value.sql})"]
    spelled = ", ".join(lists if call.name != "list_prepend" else lists[::-1])
    return Term(f"concat({spelled})", container.type)


def _contains(call: Call) -> Term:
    container, value = _with(call)
    # Spark says null for a list that has nulls, DuckDB false
    found = f"exists({container.sql}, _item -> _item <=> {value.sql})"
    return Term(f"(CASE WHEN {value.sql} IS NOT NULL AND {container.sql} IS NOT NULL THEN {found} END)", BOOLEAN)


def _position(call: Call) -> Term:
    container, value = _with(call)
    return Term(f"CAST(nullif(array_position({container.sql}, {value.sql}), 0) AS INT)", INTEGER)


def _concat(call: Call) -> Term:
    values, kind = unified([_list(term) for term in call.terms])
    given = ", ".join(f"coalesce({value.sql}, array())" for value in values)
    return Term(f"concat({given})", kind)


def _joined(call: Call) -> Term:
    values, separator = call.take(2)
    texts = cast(_list(values), list_of(TEXT)) if values.type.item == TEXT else None
    if texts is None:
        item = cast(Term("_item", values.type.item or NULL), TEXT)
        texts = Term(f"transform({values.sql}, _item -> {item.sql})", list_of(TEXT))
    return Term(f"array_join({texts.sql}, {separator.sql})", TEXT, tried=values.tried)


def _extract(call: Call) -> Term:
    values, index = call.take(2)
    if values.type.name == "STRUCT":
        return _field(call)
    if values.type.name != "LIST" or index.number is None or int(index.number) < 1:
        raise Unspellable(f"{call.name} takes a list and a number from 1 on Spark")
    return Term(f"get({values.sql}, {int(index.number) - 1})", _item(values.type), tried=values.tried)


def _slice(call: Call) -> Term:
    values, first, last = call.take(3)
    if any(term.number is None or int(term.number) < 1 for term in (first, last)):
        raise Unspellable(f"{call.name} takes two numbers from 1 on Spark")
    count = max(int(last.number or 0) - int(first.number or 0) + 1, 0)
    return Term(f"slice({_list(values).sql}, {first.number}, {count})", values.type, tried=values.tried)


def _sorted(call: Call) -> Term:
    """Nulls come last, as in Spark."""
    [values] = call.take(1)
    return Term(f"array_sort({_list(values).sql})", values.type, tried=values.tried)


def _range(call: Call) -> Term:
    first, *more = call.take(1, 3)
    low, high = (first, more[0]) if more else (ZERO, first)
    step = more[1] if len(more) > 1 else None
    if call.name == "generate_series":
        return series(low, high, step)
    if step is not None or low.type.is_moment:
        raise Unspellable("range takes two whole numbers on Spark; use generate_series, which counts the last value")
    last = Term(f"(CAST({high.sql} AS BIGINT) - 1)", BIGINT)
    return series(low, last, None)


def _struct(call: Call) -> Term:
    if len(call.fields) != len(call.terms):
        raise Unspellable("struct_pack takes values with names, such as a := 1")
    pairs = [f"{quoted(field)}, {term.sql}" for field, term in zip(call.fields, call.terms, strict=True)]
    kinds = struct_of(*zip(call.fields, (term.type for term in call.terms), strict=True))
    return Term(f"named_struct({', '.join(pairs)})", kinds)


def _field(call: Call) -> Term:
    value, _ = call.take(2)
    wanted = call.literal(1, "the name of the field")
    for field, kind in value.type.fields:
        if field.casefold() == wanted.casefold():
            return Term(f"{value.sql}.{name(field)}", kind, tried=value.tried)
    raise Unspellable(f"a {value.type} has no field {wanted}")


def _map(call: Call) -> Term:
    keys, values = call.take(2)
    kind = Type("MAP", key=_item(_list(keys).type), item=_item(_list(values).type))
    return Term(f"map_from_arrays({keys.sql}, {values.sql})", kind)


def _entries(call: Call) -> Term:
    [value] = call.take(1)
    if value.type.key is None or value.type.item is None:
        raise Unspellable(f"{call.name} takes a map")
    pair = struct_of(("key", value.type.key), ("value", value.type.item))
    return Term(f"map_entries({value.sql})", list_of(pair))


def _looked_up(call: Call) -> Term:
    """A list of the value, which is empty where there is none."""
    value, key = call.take(2)
    if value.type.key is None or value.type.item is None:
        raise Unspellable(f"{call.name} takes a map")
    found = f"if(map_contains_key({value.sql}, {key.sql}), array(try_element_at({value.sql}, {key.sql})), array())"
    return Term(f"CAST({found} AS {list_of(value.type.item).spark})", list_of(value.type.item))


def _of_map(sql: str, part: str) -> Spelling:
    return form("P", lambda kind: list_of(getattr(kind, part)), sql)


_SIZE = forms(Form("L", BIGINT, "CAST(size({0}) AS BIGINT)"), Form("T", BIGINT, "CAST(length({0}) AS BIGINT)"))

LISTS: dict[str, Spelling] = {
    **dict.fromkeys(("array_append", "list_append", "list_prepend"), _added),
    **dict.fromkeys(("array_concat", "list_concat"), _concat),
    **dict.fromkeys(("array_contains", "list_contains"), _contains),
    **dict.fromkeys(("array_distinct", "list_distinct"),
                    form("L", _same, "array_distinct(filter({0}, _item -> _item IS NOT NULL))")),
    **dict.fromkeys(("array_extract", "list_extract"), _extract),
    **dict.fromkeys(("array_length", "len"), _SIZE),
    **dict.fromkeys(("array_position", "list_position"), _position),
    **dict.fromkeys(("array_reverse", "list_reverse"), form("L", _same, "reverse({0})")),
    **dict.fromkeys(("array_slice", "list_slice"), _slice),
    **dict.fromkeys(("array_sort", "list_sort"), _sorted),
    "array_to_string": _joined,
    "cardinality": form("P", BIGINT, "CAST(size({0}) AS BIGINT)"),
    **dict.fromkeys(("element_at", "map_extract"), _looked_up),
    "flatten": form("L", _item, "flatten({0})"),
    **dict.fromkeys(("generate_series", "range"), _range),
    "list_count": form("L", BIGINT, "CAST(size(filter({0}, _item -> _item IS NOT NULL)) AS BIGINT)"),
    "list_has_all": form("LL", BOOLEAN, "(size(array_except({1}, {0})) = 0)"),
    "list_has_any": form("LL", BOOLEAN, "coalesce(arrays_overlap({0}, {1}), false)"),
    "list_max": form("L", _item, "array_max({0})"),
    "list_min": form("L", _item, "array_min({0})"),
    "list_unique": form("L", BIGINT, "CAST(size(array_distinct(filter({0}, _item -> _item IS NOT NULL))) AS BIGINT)"),
    "list_value": _value,
    "map": _map,
    "map_entries": _entries,
    "map_keys": _of_map("map_keys({0})", "key"),
    "map_values": _of_map("map_values({0})", "item"),
    "struct_extract": _field,
    "struct_pack": _struct,
}  # fmt: skip
