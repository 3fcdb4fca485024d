"""Tables as blocks of pages may use them: columns, filters, and what can be asked of their analysis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from filon.project.contract import Contract
from filon.project.dataset import Dataset
from filon.project.models import Model
from filon.project.serving import filters_of
from filon.project.vocabulary import AggregationSpec, ApiSpec, ServingSpec


@dataclass(frozen=True)
class Subject:
    """A served table; ``analysis`` are its aggregations where they open an analysis."""

    contract: Contract
    filters: frozenset[str]
    sortable: frozenset[str]
    analysis: AggregationSpec | None
    words: ApiSpec

    @property
    def name(self) -> str:
        """Name of the table."""
        return self.contract.name

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures of its analysis."""
        return tuple(self.analysis.measures) if self.analysis else ()

    @property
    def sums(self) -> tuple[str, ...]:
        """The measures that are sums of single values."""
        return tuple(name for name, item in self.analysis.measures.items() if item.sum) if self.analysis else ()

    @property
    def periods(self) -> tuple[str, ...]:
        """The periods of its analysis, shortest first."""
        return tuple(self.words.periods) if self.analysis else ()

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What its analysis is filtered by, days apart."""
        return tuple(self.analysis.dimensions) if self.analysis else ()

    @property
    def groups(self) -> tuple[str, ...]:
        """What its analysis is grouped by, periods apart."""
        counted = (item.distinct for item in self.analysis.measures.values()) if self.analysis else ()
        return tuple(dict.fromkeys((*self.dimensions, *(name for name in counted if name))))

    @property
    def choices(self) -> frozenset[str]:
        """The filters of a page that act on its rows: columns; for its analysis, dimensions and the day."""
        time = (self.analysis.time,) if self.analysis else ()
        return frozenset(
            (*self.dimensions, *time, *(name for name in self.contract.column_names if self.filtered(name)))
        )

    def filtered(self, column: str) -> bool:
        """Whether rows of the table are filtered by a column."""
        return column in self.filters


def subjects_of(datasets: Mapping[str, Dataset], models: Mapping[str, Model], words: ApiSpec) -> dict[str, Subject]:
    """Every table that is served, by name."""
    served: Iterator[tuple[Contract, ServingSpec, AggregationSpec | None]] = (
        (model.contract, model.serving, model.aggregations) for model in models.values() if model.serving.served
    )
    subjects = {contract.name: _subject(contract, spec, sums, words) for contract, spec, sums in served}
    for dataset in datasets.values():
        if dataset.serving.served:
            subjects[dataset.name] = _subject(dataset.served_contract, dataset.serving, None, words)
    return subjects


def _subject(contract: Contract, spec: ServingSpec, sums: AggregationSpec | None, words: ApiSpec) -> Subject:
    sort = (step.removeprefix("-") for step in spec.sort)
    indexed = (name for name in spec.filters if name not in spec.unindexed)
    return Subject(
        contract,
        frozenset(item.name for item in filters_of(contract, spec)),
        frozenset((*contract.key, *indexed, *sort)),
        sums if sums is not None and sums.analysis is not None else None,
        words,
    )
