"""What a contract says beyond the Open Data Contract Standard: the values of its ``customProperties``.

One entry per word; ``docs/contracts.md`` is the user's view of the same list. A ``customProperties`` entry with a
``vendor`` other than ``filon`` belongs to another tool and is left alone.
"""

from typing import TYPE_CHECKING

from filon.late import late

if TYPE_CHECKING:
    from filon.project.vocabulary.deprecation import DeprecatedSpec
    from filon.project.vocabulary.dialect import (
        LONGEST_DELIMITER,
        NO_QUOTE,
        WHITESPACE,
        ColumnDialect,
        Dialect,
        FileFormat,
        FooterSpec,
        Negative,
        Percent,
        ShortRecords,
        Timezone,
    )
    from filon.project.vocabulary.gold import (
        API_NAMES,
        AggregationSpec,
        AnalysisSpec,
        ApiSpec,
        ChartSpec,
        DimensionSpec,
        EndpointSpec,
        GoldColumnSpec,
        Incremental,
        MeasureSpec,
        ModelSpec,
        Period,
        ServingSpec,
        Window,
    )
    from filon.project.vocabulary.partition import PartitionBy, PartitionSpec
    from filon.project.vocabulary.source import (
        Case,
        ColumnSpec,
        Drift,
        FileNameSpec,
        History,
        Keep,
        MissingFile,
        NewestSpec,
        Normalise,
        Orphan,
        RowRule,
        SourceSpec,
    )
else:
    __getattr__ = late(
        __name__,
        {
            "deprecation": "DeprecatedSpec",
            "dialect": (
                "LONGEST_DELIMITER NO_QUOTE WHITESPACE ColumnDialect Dialect FileFormat FooterSpec Negative "
                "Percent ShortRecords Timezone"
            ),
            "gold": (
                "API_NAMES AggregationSpec AnalysisSpec ApiSpec ChartSpec DimensionSpec EndpointSpec "
                "GoldColumnSpec Incremental MeasureSpec ModelSpec Period ServingSpec Window"
            ),
            "partition": "PartitionBy PartitionSpec",
            "source": (
                "Case ColumnSpec Drift FileNameSpec History Keep MissingFile NewestSpec Normalise Orphan RowRule "
                "SourceSpec"
            ),
        },
    )

__all__ = [
    "API_NAMES",
    "LONGEST_DELIMITER",
    "NO_QUOTE",
    "WHITESPACE",
    "AggregationSpec",
    "AnalysisSpec",
    "ApiSpec",
    "Case",
    "ChartSpec",
    "ColumnDialect",
    "ColumnSpec",
    "DeprecatedSpec",
    "Dialect",
    "DimensionSpec",
    "Drift",
    "EndpointSpec",
    "FileFormat",
    "FileNameSpec",
    "FooterSpec",
    "GoldColumnSpec",
    "History",
    "Incremental",
    "Keep",
    "MeasureSpec",
    "MissingFile",
    "ModelSpec",
    "Negative",
    "NewestSpec",
    "Normalise",
    "Orphan",
    "PartitionBy",
    "PartitionSpec",
    "Percent",
    "Period",
    "RowRule",
    "ServingSpec",
    "ShortRecords",
    "SourceSpec",
    "Timezone",
    "Window",
]
