"""A small project without a mistake, and the way to put one into it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from filon.errors import Problem, ProjectInvalid
from filon.pipeline.engine import make_engine
from filon.project import Project
from filon.project.loader import load_project
from filon.project.modeltests import AS_OF, load_model_tests
from filon.settings import Settings
from filon.validation.compilation import check_project

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
