"""Parquet files written by the executors.

Spark writes into a folder of its own below the table's. Its committer moves there what the one successful attempt of
each task wrote, so that a task that was repeated leaves nothing twice. What lies there after the job is what the job
reports; it is moved to its place in the folder, where nothing reads it before the lake commits it.
"""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from filon.engines.footers import read_footers
from filon.engines.spark.paths import uri_of
from filon.engines.spark.terms import name
from filon.lake import DataFile, Location

if TYPE_CHECKING:
    from pyspark.sql.dataframe import DataFrame

SUFFIX = ".parquet"
ATTEMPTS = "_temporary/"
"""Where attempts write before they are committed; one that goes on after the job leaves files there."""
COMMITTING = {
    # the second algorithm leaves twice what a task wrote that was lost while it was committed
    "mapreduce.fileoutputcommitter.algorithm.version": "1",
    "mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def write(frame: DataFrame, folder: Location, partition: str, *, in_one_file: bool) -> list[DataFile]:
    """Run a query and write its rows; see ``SqlEngine.write``."""
    folder.make_folder()
    job = f"job-{uuid.uuid4()}"
    divided = _divided(frame, partition, in_one_file=in_one_file)
    writer = divided.write.options(**COMMITTING).mode("error")
    if partition:
        writer = writer.partitionBy(partition)
    try:
        writer.parquet(uri_of(folder.path_of(job)))
        names = _taken(folder, job)
    finally:
        if folder.folder is not None:
            shutil.rmtree(folder.folder / job, ignore_errors=True)
    files = read_footers(folder, names)
    kept = {file.name for file in files}
    folder.delete([each for each in names if each not in kept], sync=False)
    return [_with_partition(file, partition) for file in files] if partition else files


def _divided(frame: DataFrame, partition: str, *, in_one_file: bool) -> DataFrame:
    if partition:
        # an empty text would be read back as null from the name of its folder
        column, message = name(partition), "'a partition has an empty name'"
        named = f"CASE WHEN {column} = '' THEN raise_error({message}) ELSE {column} END AS {column}"
        frame = frame.selectExpr(*(name(each) for each in frame.columns if each != partition), named)
        return frame.repartition(partition) if in_one_file else frame.hint("rebalance", partition)
    return frame.coalesce(1) if in_one_file else frame


def _taken(folder: Location, job: str) -> list[str]:
    """The files of a job, by their names in the folder."""
    names = folder.names(f"{job}/")
    found = [each for each in names if each.endswith(SUFFIX) and not each.startswith(f"{job}/{ATTEMPTS}")]
    if folder.folder is None:  # an object store moves nothing: it would copy
        return found
    return [_moved(folder.folder, each, job) for each in found]


def _moved(folder: Path, found: str, job: str) -> str:
    inside = found.removeprefix(f"{job}/")
    parent = inside.rpartition("/")[0]
    target = f"{parent}/part-{uuid.uuid4()}{SUFFIX}".lstrip("/")
    (folder / target).parent.mkdir(exist_ok=True)
    (folder / found).rename(folder / target)
    return target


def _with_partition(file: DataFile, partition: str) -> DataFile:
    folder = file.name.rsplit("/", 2)[-2]
    value = unquote(folder.removeprefix(f"{partition}="))
    return DataFile(file.name, file.size, file.rows, file.stats, {partition: None if value == NO_VALUE else value})
