"""What real servers of tests have in common: a process that is ended by its id."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

GRACE_S = 20


@dataclass(kw_only=True)
class ServerProcess:
    """A server that a test may kill and start again."""

    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def launch(self, command: list[str], log: Path, environment: dict[str, str], *, apart: bool = False) -> None:
        """Start the process; what it says goes to the log. One that is ``apart`` leads a process group of its own."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as stream:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env=environment,
                start_new_session=apart,
            )

    @property
    def is_running(self) -> bool:
        """Whether it did not end by itself."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """Kill it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it in an orderly way; one that does not come to its end (without space, say) is killed."""
        assert self.process is not None
        self.process.terminate()
        try:
            self.process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.kill()
