"""Every mistake that a project can hold: where it is found, what is said of it, and which fix is offered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from filon.errors import ConfigError, Problem, ProjectInvalid
from filon.line import make_engine
from filon.project import Project, load_project
from filon.project.modeltests import AS_OF, load_model_tests
from filon.settings import Settings
from filon.stages.compiling import check_project

SHOP = {
    "filon.yaml": """\
name: shop
title: A shop
locale: fr
currency: EUR
timezone: Europe/Paris
""",
    "sources/clients.yaml": """\
apiVersion: v3.1.0
kind: DataContract
id: shop-clients
version: 1.0.0
status: active
schema:
  - name: clients
    customProperties:
      - property: filePattern
        value: "clients*.csv"
    properties:
      - name: client
        logicalType: integer
        primaryKey: true
      - name: country
        logicalType: string
""",
    "sources/orders.yaml": """\
apiVersion: v3.1.0
kind: DataContract
id: shop-orders
version: 1.0.0
status: active
schema:
  - name: orders
    customProperties:
      - property: filePattern
        value: "orders*.csv"
      - property: dialect
        value:
          delimiter: ";"
          dateFormat: dd/MM/yyyy
      - property: rules
        value:
          - name: sent_after_ordered
            expression: sent >= ordered
    properties:
      - name: id
        logicalType: integer
        primaryKey: true
      - name: client
        logicalType: integer
        relationships:
          - to: clients.client
      - name: ordered
        logicalType: date
        logicalTypeOptions:
          minimum: "2020-01-01"
      - name: sent
        logicalType: date
      - name: amount
        logicalType: number
        physicalType: DECIMAL(12,2)
        logicalTypeOptions:
          exclusiveMinimum: 0
      - name: channel
        logicalType: string
        logicalTypeOptions:
          maxLength: 10
      - name: gift
        logicalType: boolean
""",
    "gold/totals.sql": """\
SELECT
    client,
    count(*) AS number,
    sum(amount) AS amount,
    max(ordered) AS latest
FROM orders
GROUP BY client
""",
    "gold/totals.yaml": """\
apiVersion: v3.1.0
kind: DataContract
id: shop-totals
version: 1.0.0
status: active
schema:
  - name: totals
    quality:
      - name: nothing is lost
        type: sql
        query: SELECT (SELECT sum(amount) FROM orders) - (SELECT sum(amount) FROM totals)
        mustBe: 0
    properties:
      - name: client
        logicalType: integer
        primaryKey: true
        relationships:
          - to: clients.client
      - name: number
        logicalType: integer
      - name: amount
        logicalType: number
        physicalType: DECIMAL(38,2)
      - name: latest
        logicalType: date
        quality:
          - metric: nullValues
            mustBe: 0
""",
    "gold/best.sql": """\
-- the client who bought most
SELECT client, amount
FROM totals
ORDER BY amount DESC
LIMIT 1
""",
    "gold/best.yaml": """\
apiVersion: v3.1.0
kind: DataContract
id: shop-best
version: 1.0.0
status: active
schema:
  - name: best
    properties:
      - name: client
        logicalType: integer
        primaryKey: true
      - name: amount
        logicalType: number
        physicalType: DECIMAL(38,2)
""",
    "tests/totals.yaml": """\
- name: amounts are summed
  model: totals
  given:
    orders:
      - {id: 1, client: 7, amount: 1.10}
      - {id: 2, client: 7, amount: 2.20}
  expected:
    - {client: 7, number: 2, amount: 3.30}
""",
}


@dataclass(frozen=True)
class Mistake:
    """In ``file``, the text ``right`` (all of it when empty) becomes ``wrong``; one Problem stands ``at`` file:line."""

    name: str
    file: str
    right: str
    wrong: str
    at: str
    what: str
    fix: str


def write_shop(folder: Path) -> None:
    """The project of this page, without a mistake."""
    for name, text in SHOP.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def change(folder: Path, mistake: Mistake) -> None:
    path = folder / mistake.file
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if mistake.right:
        assert text.count(mistake.right) == 1, f"{mistake.right!r} must stand once in {mistake.file}"
        text = text.replace(mistake.right, mistake.wrong)
    else:
        text = mistake.wrong
    path.write_text(text, encoding="utf-8")


def compile_project(folder: Path) -> Project:
    """What ``filon check`` does."""
    project = load_project(folder)
    load_model_tests(project)
    engine = make_engine(Settings(threads=1), project, AS_OF, folder)
    try:
        check_project(engine, project)
    finally:
        engine.close()
    return project


def problems_of(folder: Path) -> tuple[Problem, ...]:
    try:
        compile_project(folder)
    except ProjectInvalid as error:
        return error.problems
    return ()


def shown(folder: Path, problems: Iterable[Problem]) -> list[str]:
    """Problems as file:line, with names relative to the project."""
    return [f"{problem.file.relative_to(folder).as_posix()}:{problem.line}" for problem in problems]


FILON = "filon.yaml"
CLIENTS, ORDERS = "sources/clients.yaml", "sources/orders.yaml"
TOTALS, TOTALS_SQL = "gold/totals.yaml", "gold/totals.sql"
BEST, BEST_SQL = "gold/best.yaml", "gold/best.sql"
TESTS = "tests/totals.yaml"
LOSSLESS = "SELECT (SELECT sum(amount) FROM orders) - (SELECT sum(amount) FROM totals)"

IN_FILON_YAML = [
    Mistake(
        "unknown key",
        FILON,
        "currency:",
        "curency:",
        "filon.yaml:4",
        "unknown key `curency`",
        "did you mean `currency`?",
    ),
    Mistake("unknown locale", FILON, "fr", "klingon", "filon.yaml:3", "no such locale", "change the value of `locale`"),
    Mistake(
        "unknown time zone",
        FILON,
        "Europe/Paris",
        "Europe/Lutece",
        "filon.yaml:5",
        "no such time zone; an example is Europe/Paris",
        "change the value of `timezone`",
    ),
    Mistake("bad currency", FILON, "EUR", "euro", "filon.yaml:4", "`currency` is 'euro'", "change the value"),
    Mistake("missing name", FILON, "name: shop\n", "", "filon.yaml:1", "`name` is missing", "add `name: …`"),
    Mistake(
        "bad name",
        FILON,
        "name: shop",
        "name: My Shop",
        "filon.yaml:1",
        "`name` is 'My Shop'",
        "change the value of `name`",
    ),
    Mistake(
        "wrong type",
        FILON,
        "title: A shop",
        "title: [A, shop]",
        "filon.yaml:2",
        "`title` is ['A', 'shop']",
        "change the value of `title`",
    ),
    Mistake(
        "unknown key in defaults",
        FILON,
        "title: A shop",
        "defaults:\n  source: data",
        "filon.yaml:3",
        "unknown key `defaults.source`",
        "did you mean `sources`?",
    ),
    Mistake(
        "key twice",
        FILON,
        "title: A shop",
        "title: A shop\ntitle: Another",
        "filon.yaml:3",
        "the key `title` stands twice",
        "keep one of the two",
    ),
    Mistake("no mapping", FILON, "", "- shop\n", "filon.yaml:1", "a mapping of keys to values is expected", "write"),
    Mistake(
        "syntax error",
        FILON,
        "title: A shop",
        'title: "A shop',
        "filon.yaml:6",
        "not valid YAML: found unexpected end of stream",
        "mend the indentation or quoting",
    ),
]

IN_A_SOURCE = [
    Mistake(
        "unknown top-level key",
        CLIENTS,
        "status: active",
        "status: active\nownr: me",
        "sources/clients.yaml:6",
        "unknown key `ownr`",
        "use one of: ",
    ),
    Mistake(
        "unknown nested key",
        CLIENTS,
        "      - name: country\n",
        "      - name: country\n        requird: true\n",
        "sources/clients.yaml:16",
        "unknown key `requird`",
        "did you mean `required`?",
    ),
    Mistake(
        "unknown custom property",
        CLIENTS,
        "    properties:\n",
        "      - property: filePatern\n        value: x\n    properties:\n",
        "sources/clients.yaml:11",
        "unknown custom property `filePatern`",
        "did you mean `filePattern`?",
    ),
    Mistake(
        "unknown custom property of a column",
        CLIENTS,
        "logicalType: string\n",
        "logicalType: string\n        customProperties:\n          - property: normalize\n            value: {}\n",
        "sources/clients.yaml:18",
        "unknown custom property `normalize`",
        "did you mean `normalise`?",
    ),
    Mistake(
        "unknown word inside a custom property",
        ORDERS,
        'delimiter: ";"',
        'delimeter: ";"',
        "sources/orders.yaml:13",
        "delimeter",
        "did you mean `delimiter`?",
    ),
    Mistake(
        "missing custom property",
        CLIENTS,
        '      - property: filePattern\n        value: "clients*.csv"\n',
        "      - property: keep\n        value: last\n",
        "sources/clients.yaml:7",
        "custom property `filePattern` is missing",
        "add to its customProperties: `- {property: filePattern, value: …}`",
    ),
    Mistake(
        "delimiter of two characters",
        ORDERS,
        'delimiter: ";"',
        'delimiter: "||"',
        "sources/orders.yaml:13",
        "one character is expected",
        "",
    ),
    Mistake(
        "unknown encoding",
        ORDERS,
        'delimiter: ";"',
        "encoding: utf-9",
        "sources/orders.yaml:13",
        "no such encoding; common ones are utf-8, cp1252 and latin-1",
        "",
    ),
    Mistake(
        "unknown zone of timestamps",
        ORDERS,
        'delimiter: ";"',
        "timezone: Europe/Lutece",
        "sources/orders.yaml:13",
        "no such time zone",
        "",
    ),
    Mistake(
        "wrong type of a value",
        CLIENTS,
        "primaryKey: true",
        "primaryKey: perhaps",
        "sources/clients.yaml:14",
        "primaryKey`: Input should be a valid boolean",
        "give a value of that type",
    ),
    Mistake(
        "duplicate key",
        CLIENTS,
        "version: 1.0.0\n",
        "version: 1.0.0\nversion: 1.1.0\n",
        "sources/clients.yaml:5",
        "the key `version` stands twice",
        "keep one of the two",
    ),
    Mistake(
        "syntax error",
        CLIENTS,
        "kind: DataContract",
        "kind: Data: Contract",
        "sources/clients.yaml:2",
        "not valid YAML: mapping values are not allowed",
        "mend the indentation or quoting",
    ),
    Mistake(
        "bad implicit date",
        CLIENTS,
        "logicalType: string\n",
        "logicalType: string\n        description: 2024-13-45\n",
        "sources/clients.yaml:17",
        "`2024-13-45` is not a valid value here",
        "put it in quotes if it is a text",
    ),
    Mistake(
        "missing word of the standard",
        CLIENTS,
        "status: active\n",
        "",
        "sources/clients.yaml:1",
        "`status` is missing",
        "add `status: …`, as the standard asks",
    ),
    Mistake(
        "version that is not read",
        CLIENTS,
        "v3.1.0",
        "v2.2.2",
        "sources/clients.yaml:1",
        "version v2.2.2 is not read",
        "write `apiVersion: v3.1.0`",
    ),
    Mistake(
        "missing name of the table",
        CLIENTS,
        "  - name: clients\n    customProperties:",
        "  - customProperties:",
        "sources/clients.yaml:7",
        "`name` is missing",
        "use letters, digits and _",
    ),
    Mistake(
        "missing name of a column",
        CLIENTS,
        "      - name: country\n        logicalType: string",
        "      - logicalType: string",
        "sources/clients.yaml:15",
        "`name` is missing",
        "use letters, digits and _",
    ),
    Mistake(
        "bad name of the table",
        CLIENTS,
        "name: clients",
        'name: "client list"',
        "sources/clients.yaml:7",
        "`client list` cannot be a name",
        "use letters, digits and _, starting with a letter",
    ),
    Mistake(
        "bad name of a column",
        CLIENTS,
        "name: country",
        'name: "home country"',
        "sources/clients.yaml:15",
        "`home country` cannot be a name",
        "(CSV name: physicalName)",
    ),
    Mistake(
        "name of a column that is Filon's own",
        CLIENTS,
        "name: country",
        "name: _file",
        "sources/clients.yaml:15",
        "`_file` cannot be a name",
        "starting with a letter",
    ),
    Mistake(
        "name that is not the file's",
        CLIENTS,
        "name: clients",
        "name: customers",
        "sources/clients.yaml:7",
        "the table `customers` stands in clients.yaml",
        "rename the file customers.yaml",
    ),
    Mistake(
        "two tables in one file",
        CLIENTS,
        "        logicalType: string\n",
        "        logicalType: string\n  - name: others\n",
        "sources/clients.yaml:6",
        "one table per contract",
        "split the file",
    ),
    Mistake(
        "no columns",
        CLIENTS,
        SHOP[CLIENTS].split("    properties:\n")[1],
        "",
        "sources/clients.yaml:7",
        "`clients` has no columns",
        "list them under `properties`",
    ),
    Mistake(
        "column twice, in other letters",
        CLIENTS,
        "name: country",
        "name: CLIENT",
        "sources/clients.yaml:15",
        "column `CLIENT` stands twice",
        "remove one of the two",
    ),
    Mistake(
        "unknown logical type",
        CLIENTS,
        "logicalType: integer",
        "logicalType: intger",
        "sources/clients.yaml:13",
        "logical type `intger` of `client` is not one a table holds",
        "did you mean `integer`?",
    ),
    Mistake(
        "missing logical type",
        CLIENTS,
        "        logicalType: integer\n",
        "",
        "sources/clients.yaml:12",
        "logical type `` of `client`",
        "use one of: boolean, date, integer, number, string, timestamp",
    ),
    Mistake(
        "number without a physical type",
        ORDERS,
        "        physicalType: DECIMAL(12,2)\n",
        "",
        "sources/orders.yaml:33",
        "`amount` is a number without a usable physicalType",
        "write `physicalType: DECIMAL(12,2)`, or DOUBLE for measurements",
    ),
    Mistake(
        "number with a physical type that no number has",
        ORDERS,
        "DECIMAL(12,2)",
        "DECIMAL(50,2)",
        "sources/orders.yaml:35",
        "without a usable physicalType (DECIMAL(50,2))",
        "write `physicalType: DECIMAL(12,2)`",
    ),
    Mistake(
        "bound of another type",
        ORDERS,
        "exclusiveMinimum: 0",
        "exclusiveMinimum: little",
        "sources/orders.yaml:37",
        "`little` is no bound for a decimal column",
        "write a value of the column's type",
    ),
    Mistake(
        "bound that is no number",
        ORDERS,
        "exclusiveMinimum: 0",
        "exclusiveMinimum: .nan",
        "sources/orders.yaml:37",
        "`nan` is no bound for a decimal column",
        "write a value of the column's type",
    ),
    Mistake(
        "bound that is no date",
        ORDERS,
        '"2020-01-01"',
        "2020",
        "sources/orders.yaml:30",
        "`2020` is no bound for a date column",
        "write a value of the column's type",
    ),
    Mistake(
        "bound of a length that is none",
        ORDERS,
        "maxLength: 10",
        "maxLength: 10.5",
        "sources/orders.yaml:41",
        "`10.5` is no bound for a text column",
        "write a value of the column's type",
    ),
    Mistake(
        "bound of a length below zero",
        ORDERS,
        "maxLength: 10",
        "maxLength: -1",
        "sources/orders.yaml:41",
        "`-1` is no bound for a text column",
        "write a value of the column's type",
    ),
    Mistake(
        "pattern that is no regular expression",
        ORDERS,
        "maxLength: 10",
        'pattern: "[a-z"',
        "sources/orders.yaml:41",
        "`[a-z` is no bound for a text column",
        "write a value of the column's type",
    ),
    Mistake(
        "pattern that the engine does not know",
        ORDERS,
        "maxLength: 10",
        'pattern: "(?=x)x"',
        "sources/orders.yaml:41",
        "(?=x)x",
        "",
    ),
    Mistake(
        "option of texts on a number",
        ORDERS,
        "exclusiveMinimum: 0",
        "maxLength: 5",
        "sources/orders.yaml:37",
        "`maxLength` does not apply to the decimal column `amount`",
        "use one of: exclusiveMaximum, exclusiveMinimum, maximum, minimum",
    ),
    Mistake(
        "option of numbers on a text",
        ORDERS,
        "maxLength: 10",
        "maximum: 10",
        "sources/orders.yaml:41",
        "`maximum` does not apply to the text column `channel`",
        "use one of: maxLength, minLength, pattern",
    ),
    Mistake(
        "option on a boolean",
        ORDERS,
        "logicalType: boolean",
        "logicalType: boolean\n        logicalTypeOptions:\n          minimum: 0",
        "sources/orders.yaml:45",
        "`minimum` does not apply to the boolean column `gift`",
        "remove it",
    ),
    Mistake(
        "bad date format of a column",
        ORDERS,
        'minimum: "2020-01-01"',
        "format: dd-mon-yyyy",
        "sources/orders.yaml:30",
        "`m` in the format `dd-mon-yyyy` is not understood",
        "use yyyy MM dd HH mm ss, as in dd/MM/yyyy",
    ),
    Mistake(
        "bad date format of all columns",
        ORDERS,
        "dateFormat: dd/MM/yyyy",
        "dateFormat: jj/MM/aaaa",
        "sources/orders.yaml:14",
        "`jj` in the format `jj/MM/aaaa` is not understood",
        "use yyyy MM dd HH mm ss, as in dd/MM/yyyy",
    ),
    Mistake(
        "notAfter on a text",
        CLIENTS,
        "logicalType: string\n",
        "logicalType: string\n        customProperties: [{property: notAfter, value: as_of}]\n",
        "sources/clients.yaml:15",
        "`notAfter` needs a date or a timestamp",
        "remove it, or change the type",
    ),
    Mistake(
        "reference to an unknown table",
        ORDERS,
        "to: clients.client",
        "to: client.client",
        "sources/orders.yaml:26",
        "`client` refers to the unknown table `client`",
        "did you mean `clients`?",
    ),
    Mistake(
        "reference of a source to a model",
        ORDERS,
        "to: clients.client",
        "to: totals.client",
        "sources/orders.yaml:26",
        "`client` refers to the unknown table `totals`",
        "use one of: clients, orders",
    ),
    Mistake(
        "reference to an unknown column",
        ORDERS,
        "to: clients.client",
        "to: clients.clint",
        "sources/orders.yaml:26",
        "`clients` has no column `clint`",
        "did you mean `client`?",
    ),
    Mistake(
        "reference to a column that is no key",
        ORDERS,
        "to: clients.client",
        "to: clients.country",
        "sources/orders.yaml:26",
        "`clients.country` may hold a value several times",
        "refer to the key of `clients`: client",
    ),
    Mistake(
        "reference without a column",
        ORDERS,
        "to: clients.client",
        "to: clients",
        "sources/orders.yaml:26",
        "one relationship `to: table.column` per column",
        "write `to: clients.id_client`",
    ),
    Mistake(
        "reference to itself",
        ORDERS,
        "to: clients.client",
        "to: orders.id",
        "sources/orders.yaml:1",
        "references form a cycle: orders -> orders",
        "remove one of these steps",
    ),
    Mistake(
        "reference to a column of another type",
        ORDERS,
        "      - name: sent\n        logicalType: date\n",
        "      - name: sent\n        logicalType: date\n        relationships: [{to: clients.client}]\n",
        "sources/orders.yaml:33",
        "`sent` is DATE, `clients.client` is BIGINT",
        "",
    ),
    Mistake(
        "row rule over an unknown column",
        ORDERS,
        "sent >= ordered",
        "sent >= orderd",
        "sources/orders.yaml:17",
        "the rule `sent_after_ordered` cannot be compiled",
        "write a condition over the columns of this contract",
    ),
    Mistake(
        "row rule that is no condition",
        ORDERS,
        "sent >= ordered",
        "sent >=",
        "sources/orders.yaml:17",
        "the rule `sent_after_ordered` cannot be compiled",
        "write a condition over the columns of this contract",
    ),
    Mistake(
        "row rule that gives a date",
        ORDERS,
        "sent >= ordered",
        "sent",
        "sources/orders.yaml:17",
        "the rule `sent_after_ordered` gives DATE, not true or false",
        "write a condition over the columns of this contract",
    ),
    Mistake(
        "row rule with a bad name",
        ORDERS,
        "sent_after_ordered",
        '"sent after ordered"',
        "sources/orders.yaml:17",
        "should match pattern",
        "",
    ),
    Mistake(
        "row rule that reads the clock",
        ORDERS,
        "sent >= ordered",
        "sent <= current_date",
        "sources/orders.yaml:17",
        "another answer at each run",
        "as_of()",
    ),
    Mistake(
        "row rule without an expression",
        ORDERS,
        "            expression: sent >= ordered\n",
        "",
        "sources/orders.yaml:17",
        "expression`: Field required",
        "",
    ),
]

IN_A_MODEL = [
    Mistake(
        "no key",
        TOTALS,
        "        primaryKey: true\n",
        "",
        "gold/totals.yaml:7",
        "`totals` has no key",
        "mark the columns of its grain with `primaryKey: true`",
    ),
    Mistake(
        "word of a source",
        TOTALS,
        "    properties:\n",
        "    customProperties:\n      - {property: filePattern, value: x}\n    properties:\n",
        "gold/totals.yaml:14",
        "unknown custom property `filePattern`",
        "remove it, or name its `vendor`",
    ),
    Mistake(
        "name that is not the file's",
        BEST,
        "name: best",
        "name: finest",
        "gold/best.yaml:7",
        "the table `finest` stands in best.yaml",
        "rename the file finest.yaml",
    ),
    Mistake(
        "SQL without a contract",
        "gold/other.sql",
        "",
        "SELECT 1 AS a FROM orders\n",
        "gold/other.sql:1",
        "the model has no contract",
        "describe its columns in other.yaml",
    ),
    Mistake(
        "syntax error",
        TOTALS_SQL,
        "GROUP BY client",
        "GROUP BY client)",
        "gold/totals.sql:7",
        "not valid SQL",
        "mend the SQL at that line",
    ),
    Mistake(
        "unclosed quote",
        TOTALS_SQL,
        "count(*) AS number",
        "'count AS number",
        "gold/totals.sql:3",
        "not valid SQL",
        "close the quote or comment that is open",
    ),
    Mistake(
        "two statements",
        TOTALS_SQL,
        "GROUP BY client\n",
        "GROUP BY client;\n\nSELECT 1 FROM orders\n",
        "gold/totals.sql:1",
        "a model is exactly one SELECT",
        "keep one SELECT; a WITH clause may hold the steps",
    ),
    Mistake("no statement", TOTALS_SQL, "", "-- later\n", "gold/totals.sql:1", "a model is exactly one SELECT", "keep"),
    Mistake(
        "no SELECT",
        TOTALS_SQL,
        "",
        "DELETE FROM orders\n",
        "gold/totals.sql:1",
        "a model is exactly one SELECT",
        "keep one SELECT",
    ),
    Mistake(
        "no table",
        TOTALS_SQL,
        "",
        "SELECT 1 AS client, 2 AS number, CAST(3 AS DECIMAL(38,2)) AS amount, DATE '2020-01-01' AS latest\n",
        "gold/totals.sql:1",
        "the model reads no table",
        "add a FROM clause",
    ),
    Mistake(
        "unknown table",
        TOTALS_SQL,
        "FROM orders",
        "FROM order",
        "gold/totals.sql:6",
        "unknown table `order`",
        "did you mean `orders`?",
    ),
    Mistake(
        "table in a schema",
        TOTALS_SQL,
        "FROM orders",
        "FROM silver.orders",
        "gold/totals.sql:6",
        "`silver.orders` names a schema or a file",
        "name the table alone",
    ),
    Mistake(
        "file as a table",
        TOTALS_SQL,
        "FROM orders",
        "FROM 'orders.csv'",
        "gold/totals.sql:6",
        "names a schema or a file",
        "name the table alone",
    ),
    Mistake(
        "function that reads a file",
        TOTALS_SQL,
        "FROM orders",
        "FROM read_csv('orders.csv')",
        "gold/totals.sql:6",
        "a model reads tables, not files",
        "describe the file by a contract under sources/",
    ),
    Mistake(
        "today's date",
        TOTALS_SQL,
        "max(ordered)",
        "current_date",
        "gold/totals.sql:5",
        "`CURRENT_DATE` gives another answer at each run",
        "use as_of(), the date that the run was given",
    ),
    Mistake(
        "this moment",
        TOTALS_SQL,
        "max(ordered)",
        "CAST(now() AS DATE)",
        "gold/totals.sql:5",
        "gives another answer at each run",
        "use as_of(), the date that the run was given",
    ),
    Mistake(
        "chance",
        TOTALS_SQL,
        "count(*) AS number",
        "CAST(random() * 6 AS BIGINT) AS number",
        "gold/totals.sql:3",
        "gives another answer at each run",
        "as_of()",
    ),
    Mistake(
        "unknown column in the SQL",
        TOTALS_SQL,
        "max(ordered)",
        "max(orderd)",
        "gold/totals.sql:5",
        'Referenced column "orderd" not found',
        "mend the SQL at that line",
    ),
    Mistake(
        "column that the contract lacks",
        TOTALS_SQL,
        "count(*) AS number,",
        "count(*) AS number,\n    min(ordered) AS earliest,",
        "gold/totals.yaml:13",
        "the SELECT gives a column `earliest` that the contract lacks",
        "declare it (type DATE), or drop it from totals.sql",
    ),
    Mistake(
        "column that the SELECT lacks",
        TOTALS_SQL,
        "    count(*) AS number,\n",
        "",
        "gold/totals.yaml:19",
        "the SELECT of totals.sql gives no column `number`",
        "select it, or drop it from the contract",
    ),
    Mistake(
        "column twice in the SELECT",
        TOTALS_SQL,
        "count(*) AS number,",
        "count(*) AS number,\n    count(*) AS number,",
        "gold/totals.sql:1",
        "`number`",
        "",
    ),
    Mistake(
        "binary floating point for money",
        TOTALS_SQL,
        "sum(amount)",
        "avg(amount)",
        "gold/totals.yaml:21",
        "`amount` is DOUBLE in the SELECT, DECIMAL(38,2) in the contract",
        "use ratio(a, b) for quotients",
    ),
    Mistake(
        "more decimals than the contract holds",
        TOTALS_SQL,
        "sum(amount)",
        "CAST(sum(amount) AS DECIMAL(38,4))",
        "gold/totals.yaml:21",
        "`amount` is DECIMAL(38,4) in the SELECT, DECIMAL(38,2) in the contract",
        "CAST it to DECIMAL(38,2) in the SELECT, or change the contract",
    ),
    Mistake(
        "text for a date",
        TOTALS_SQL,
        "max(ordered)",
        "CAST(max(ordered) AS VARCHAR)",
        "gold/totals.yaml:24",
        "`latest` is VARCHAR in the SELECT, DATE in the contract",
        "CAST it to DATE in the SELECT, or change the contract",
    ),
    Mistake(
        "cycle of models",
        TOTALS_SQL,
        "FROM orders",
        "FROM best",
        "gold/best.sql:1",
        "models form a cycle: ",
        "remove one of these steps",
    ),
    Mistake(
        "model that reads itself",
        BEST_SQL,
        "FROM totals",
        "FROM best",
        "gold/best.sql:1",
        "models form a cycle: best -> best",
        "remove one of these steps",
    ),
    Mistake(
        "reference to an unknown table",
        TOTALS,
        "to: clients.client",
        "to: customers.client",
        "gold/totals.yaml:18",
        "`client` refers to the unknown table `customers`",
        "use one of: best, clients, orders, totals",
    ),
    Mistake(
        "check over an unknown table",
        TOTALS,
        "(SELECT sum(amount) FROM orders)",
        "(SELECT sum(amount) FROM order_lines)",
        "gold/totals.yaml:9",
        "unknown table `order_lines` in `nothing is lost`",
        "did you mean `orders`?",
    ),
    Mistake(
        "check over an unknown column",
        TOTALS,
        "(SELECT sum(amount) FROM orders)",
        "(SELECT sum(price) FROM orders)",
        "gold/totals.yaml:9",
        "the check `nothing is lost` cannot be compiled",
        "mend its query",
    ),
    Mistake(
        "check that is no SQL",
        TOTALS,
        LOSSLESS,
        "SELECT (SELECT sum(amount) FROM orders",
        "gold/totals.yaml:9",
        "the check `nothing is lost` is not valid SQL",
        "mend its `query`",
    ),
    Mistake(
        "check with an open quote",
        TOTALS,
        LOSSLESS,
        "SELECT count(*) FROM orders WHERE channel = 'web",
        "gold/totals.yaml:9",
        "the check `nothing is lost` is not valid SQL",
        "mend its `query`",
    ),
    Mistake(
        "check that gives two columns",
        TOTALS,
        LOSSLESS,
        "SELECT sum(amount), count(*) FROM orders",
        "gold/totals.yaml:9",
        "the check `nothing is lost` gives 2 columns",
        "a check gives one number",
    ),
    Mistake(
        "check that gives a text",
        TOTALS,
        LOSSLESS,
        "SELECT max(channel) FROM orders",
        "gold/totals.yaml:9",
        "the check `nothing is lost` gives VARCHAR",
        "a check gives one number",
    ),
    Mistake(
        "check that reads the clock",
        TOTALS,
        LOSSLESS,
        "SELECT count(*) FROM orders WHERE ordered > current_date",
        "gold/totals.yaml:9",
        "another answer at each run",
        "as_of()",
    ),
    Mistake(
        "check with an unknown metric",
        TOTALS,
        "metric: nullValues",
        "metric: nulValues",
        "gold/totals.yaml:27",
        "unknown metric `nulValues`",
        "did you mean `nullValues`?",
    ),
    Mistake(
        "check with a metric of columns on the table",
        TOTALS,
        f"        type: sql\n        query: {LOSSLESS}\n",
        "        metric: nullValues\n",
        "gold/totals.yaml:9",
        "the metric `nullValues` needs a column",
        "",
    ),
    Mistake(
        "check without a query",
        TOTALS,
        f"        query: {LOSSLESS}\n",
        "",
        "gold/totals.yaml:9",
        "a check of type sql needs a `query`",
        "add `query: SELECT …` with one number",
    ),
    Mistake(
        "check with two operators",
        TOTALS,
        "          - metric: nullValues\n            mustBe: 0",
        "          - metric: nullValues\n            mustBe: 0\n            mustBeLessThan: 5",
        "gold/totals.yaml:27",
        "a check says once what its number must be",
        "write one of `mustBe: 0`, `mustBeBetween: [1, 9]`",
    ),
    Mistake(
        "check without an operator",
        TOTALS,
        "          - metric: nullValues\n            mustBe: 0\n",
        "          - metric: nullValues\n",
        "gold/totals.yaml:27",
        "a check says once what its number must be",
        "write one of `mustBe: 0`",
    ),
    Mistake(
        "check with an operator that the standard lacks",
        TOTALS,
        "          - metric: nullValues\n            mustBe: 0\n",
        "          - metric: nullValues\n            mustBe: 0\n            mustBeAbout: 5\n",
        "gold/totals.yaml:29",
        "unknown key `mustBeAbout`",
        "did you mean `mustBe`?",
    ),
    Mistake(
        "check that must be a text",
        TOTALS,
        "          - metric: nullValues\n            mustBe: 0\n",
        "          - metric: nullValues\n            mustBe: few\n",
        "gold/totals.yaml:28",
        "`few` is not a number",
        "write a number",
    ),
    Mistake(
        "check between one bound",
        TOTALS,
        "          - metric: nullValues\n            mustBe: 0\n",
        "          - metric: nullValues\n            mustBeBetween: [5]\n",
        "gold/totals.yaml:28",
        "mustBeBetween",
        "",
    ),
    Mistake(
        "check of unknown severity",
        TOTALS,
        "          - metric: nullValues\n",
        "          - metric: nullValues\n            severity: fatal\n",
        "gold/totals.yaml:28",
        "unknown severity `fatal`",
        "use error or warning",
    ),
    Mistake(
        "check of a type that is not run",
        TOTALS,
        "          - metric: nullValues\n",
        "          - metric: nullValues\n            type: custom\n",
        "gold/totals.yaml:28",
        "checks of type `custom` are not run",
        "use `sql` or `library`",
    ),
    Mistake(
        "check of invalid values that says none",
        TOTALS,
        "          - metric: nullValues\n",
        "          - metric: invalidValues\n",
        "gold/totals.yaml:27",
        "invalidValues",
        "validValues",
    ),
]

IN_A_MODEL_TEST = [
    Mistake(
        "unknown key",
        TESTS,
        "  given:\n",
        "  givn:\n",
        "tests/totals.yaml:3",
        "unknown key `givn`",
        "did you mean `given`?",
    ),
    Mistake(
        "missing expectation",
        TESTS,
        "  expected:\n    - {client: 7, number: 2, amount: 3.30}\n",
        "",
        "tests/totals.yaml:1",
        "`expected` is missing",
        "add `expected: …`",
    ),
    Mistake(
        "unknown model",
        TESTS,
        "model: totals",
        "model: total",
        "tests/totals.yaml:2",
        "unknown model `total`",
        "did you mean `totals`?",
    ),
    Mistake(
        "table that the model does not read",
        TESTS,
        "    orders:\n",
        "    clients: []\n    orders:\n",
        "tests/totals.yaml:4",
        "`totals` does not read `clients`",
        "use one of: orders",
    ),
    Mistake(
        "unknown column of a given row",
        TESTS,
        "{id: 2, client: 7",
        "{id: 2, clent: 7",
        "tests/totals.yaml:6",
        "`orders` has no column `clent`",
        "did you mean `client`?",
    ),
    Mistake(
        "unknown column of an expected row",
        TESTS,
        "number: 2",
        "nmber: 2",
        "tests/totals.yaml:8",
        "`totals` has no column `nmber`",
        "did you mean `number`?",
    ),
    Mistake(
        "value that is no value",
        TESTS,
        "number: 2",
        "number: [2]",
        "tests/totals.yaml:8",
        "expected.0.number",
        "change the value",
    ),
    Mistake(
        "rows that are no mapping",
        TESTS,
        "      - {id: 2, client: 7, amount: 2.20}\n",
        "      - 2\n",
        "tests/totals.yaml:6",
        "given.orders.1",
        "change the value",
    ),
    Mistake(
        "date that is none",
        TESTS,
        "  model: totals\n",
        "  model: totals\n  as_of: yesterday\n",
        "tests/totals.yaml:3",
        "`as_of` is 'yesterday'",
        "change the value of `as_of`",
    ),
    Mistake(
        "no list",
        TESTS,
        "",
        "name: amounts are summed\nmodel: totals\n",
        "tests/totals.yaml:1",
        "a list of tests is expected",
        "start each with `- name: …`",
    ),
    Mistake(
        "syntax error",
        TESTS,
        "number: 2,",
        "number: 2, ]",
        "tests/totals.yaml:8",
        "not valid YAML",
        "mend the indentation or quoting",
    ),
]

MISTAKES = {
    "filon.yaml": IN_FILON_YAML,
    "source": IN_A_SOURCE,
    "model": IN_A_MODEL,
    "model test": IN_A_MODEL_TEST,
}
ALL = [pytest.param(mistake, id=f"{where}: {mistake.name}") for where, group in MISTAKES.items() for mistake in group]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write_shop(tmp_path)
    return tmp_path


def test_the_project_without_a_mistake_compiles(shop: Path) -> None:
    project = compile_project(shop)
    assert (list(project.datasets), list(project.models)) == (["clients", "orders"], ["totals", "best"])


@pytest.mark.parametrize("mistake", ALL)
def test_a_mistake_is_found_at_its_line_with_a_fix(shop: Path, mistake: Mistake) -> None:
    change(shop, mistake)
    problems = problems_of(shop)
    assert shown(shop, problems) == [mistake.at], "\n".join(str(problem) for problem in problems)
    assert mistake.what in problems[0].what
    assert mistake.fix in problems[0].fix
    assert problems[0].fix


def test_a_folder_without_filon_yaml_is_no_project(shop: Path) -> None:
    (shop / "filon.yaml").unlink()
    with pytest.raises(ConfigError, match=r"it has no filon\.yaml\. `filon init` makes one"):
        load_project(shop)


def test_a_project_without_sources_is_told_how_to_get_some(shop: Path) -> None:
    for path in [*(shop / "sources").iterdir(), *(shop / "gold").iterdir()]:
        path.unlink()
    problems = problems_of(shop)
    assert shown(shop, problems) == ["filon.yaml:1"]
    assert "sources/ holds no contract" in problems[0].what
    assert "filon init" in problems[0].fix


def test_a_contract_without_its_sql_is_told_what_to_write(shop: Path) -> None:
    (shop / BEST_SQL).unlink()
    problems = problems_of(shop)
    assert shown(shop, problems) == ["gold/best.yaml:1"]
    assert problems[0].what == "best.sql is missing"
    assert problems[0].fix == "write the SELECT of `best` into it"


def test_a_model_may_not_have_the_name_of_a_source(shop: Path) -> None:
    (shop / "gold/clients.sql").write_text("SELECT client FROM orders GROUP BY client\n")
    (shop / "gold/clients.yaml").write_text((shop / CLIENTS).read_text().split("    customProperties")[0])
    with (shop / "gold/clients.yaml").open("a") as stream:
        stream.write("    properties:\n      - {name: client, logicalType: integer, primaryKey: true}\n")
    problems = problems_of(shop)
    assert shown(shop, problems) == ["gold/clients.yaml:1"]
    assert problems[0].what == "`clients` is also a source"
    assert problems[0].fix == "give the model another name"


@pytest.mark.parametrize(("name", "line"), [(CLIENTS, 1), (BEST_SQL, 1), (TESTS, 1), (FILON, 1)])
def test_a_file_that_is_not_utf_8_is_told_to_be_saved_as_such(shop: Path, name: str, line: int) -> None:
    (shop / name).write_bytes("# été\n".encode("latin-1") + (shop / name).read_bytes())
    problems = problems_of(shop)
    assert shown(shop, problems) == [f"{name}:{line}"]
    assert "not UTF-8 text" in problems[0].what
    assert problems[0].fix == "save the file as UTF-8"


def test_a_file_that_starts_with_a_byte_order_mark_is_read(shop: Path) -> None:
    for name in SHOP:
        (shop / name).write_bytes(b"\xef\xbb\xbf" + (shop / name).read_bytes())
    assert problems_of(shop) == ()


def test_all_mistakes_are_told_at_once_in_order_of_file_and_line(shop: Path) -> None:
    for name, right, wrong in [
        (TOTALS, "DECIMAL(38,2)", "MONEY"),
        (CLIENTS, "logicalType: string", "logicalType: text"),
        (CLIENTS, "status: active\n", ""),
        (FILON, "currency", "money"),
        (BEST_SQL, "SELECT client, amount", "SELECT client amount amount"),
    ]:
        (shop / name).write_text((shop / name).read_text().replace(right, wrong))
    assert shown(shop, problems_of(shop)) == [
        "filon.yaml:4",
        "gold/best.sql:2",
        "gold/totals.yaml:23",
        "sources/clients.yaml:1",
        "sources/clients.yaml:15",
    ]


def test_an_unknown_key_does_not_hide_the_other_mistakes_of_its_file(shop: Path) -> None:
    text = (shop / CLIENTS).read_text()
    (shop / CLIENTS).write_text(text.replace("id: shop", "ownr: me\nid: shop").replace("string", "text"))
    assert shown(shop, problems_of(shop)) == ["sources/clients.yaml:3", "sources/clients.yaml:17"]


def test_properties_of_other_vendors_are_left_alone(shop: Path) -> None:
    text = (shop / CLIENTS).read_text()
    added = "      - {property: owner, value: me, vendor: acme}\n    properties:\n"
    (shop / CLIENTS).write_text(text.replace("    properties:\n", added))
    assert problems_of(shop) == ()


def test_a_problem_reads_as_file_line_what_and_fix(shop: Path) -> None:
    (shop / BEST_SQL).unlink()
    [problem] = problems_of(shop)
    assert str(problem) == (f"{shop / BEST}:1: best.sql is missing\n    fix: write the SELECT of `best` into it")
