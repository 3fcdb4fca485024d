"""Apache Spark: an engine on a cluster, reached through Spark Connect."""

from filon.engines.spark.engine import SparkEngine

__all__ = ["SparkEngine"]
