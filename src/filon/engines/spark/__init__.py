"""Apache Spark: an engine on a cluster, reached through Spark Connect."""

from filon.engines.spark.engine import SparkEngine
from filon.engines.spark.executors import SparkExecutors
from filon.engines.spark.session import SparkConnection

__all__ = ["SparkConnection", "SparkEngine", "SparkExecutors"]
