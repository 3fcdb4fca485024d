from __future__ import annotations

import subprocess
import sys


def test_the_client_of_spark_is_imported_by_a_program_without_a_file() -> None:
    program = "from filon.engines.spark.packages import session_class; print(session_class().__name__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("SparkSession\n", 0), done.stderr
