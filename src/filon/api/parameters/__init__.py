"""Parameters of requests: a model for each endpoint, made from what the contracts open, read strictly.

Anything that is not declared is refused, and so is a parameter that is given twice, unless it takes several values.
"""

from __future__ import annotations

from filon.api.parameters.explanations import PageAsked, cell_of, cell_parameters, read_key, require_table
from filon.api.parameters.lists import (
    Format,
    KeyReader,
    ListRequest,
    item_parameters,
    list_parameters,
    read_list,
)
from filon.api.parameters.reading import (
    STRICT,
    WHOLE_NUMBER,
    Nothing,
    Parameters,
    ReleaseOnly,
    Skip,
    nearest,
    refused,
)
from filon.api.parameters.sums import (
    AggregationRequest,
    AnalysisRequest,
    aggregation_parameters,
    analysis_parameters,
    as_text,
    read_aggregation,
    read_analysis,
)

__all__ = [
    "STRICT",
    "WHOLE_NUMBER",
    "AggregationRequest",
    "AnalysisRequest",
    "Format",
    "KeyReader",
    "ListRequest",
    "Nothing",
    "PageAsked",
    "Parameters",
    "ReleaseOnly",
    "Skip",
    "aggregation_parameters",
    "analysis_parameters",
    "as_text",
    "cell_of",
    "cell_parameters",
    "item_parameters",
    "list_parameters",
    "nearest",
    "read_aggregation",
    "read_analysis",
    "read_key",
    "read_list",
    "refused",
    "require_table",
]
