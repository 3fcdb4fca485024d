"""Pages that a project sends to people by the calendar."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Every(StrEnum):
    """The days on which a report falls due."""

    DAY = "day"
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"
    MONTH = "month"


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class ReportRule(BaseModel):
    """A page of the project as a file, sent on some days: ``month`` is the first day of each."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    page: str = Field(min_length=1, description="The name of the page's file")
    format: Literal["pdf", "xlsx"] = "pdf"
    every: Every = Every.DAY
    at: str = Field(default="07:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="In the project's time zone")
    language: str | None = Field(default=None, pattern="^(fr|en)$", description="That of the project if not given")
    period: str | None = Field(default=None, description="As an address of the dashboard has it: 12m, 2025, 2025-03")
    filters: dict[str, Annotated[list[str], BeforeValidator(_listed)]] = Field(default={})

    @property
    def cron(self) -> str:
        """The moments at which the report falls due, as a cron expression in the project's time zone."""
        hour, minute = map(int, self.at.split(":"))
        month = "1" if self.every is Every.MONTH else "*"
        week = str((DAYS.index(self.every) + 1) % 7) if self.every in DAYS else "*"
        return f"{minute} {hour} {month} * {week}"

    def due(self, now: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
        """The last moment, not after ``now``, at which the report fell due."""
        time = dt.time.fromisoformat(self.at)
        moment = dt.datetime.combine(now.astimezone(zone).date(), time, zone)
        while moment > now or not self._falls_on(moment.date()):
            moment = dt.datetime.combine(moment.date() - dt.timedelta(1), time, zone)
        return moment.astimezone(dt.UTC)

    def _falls_on(self, day: dt.date) -> bool:
        if self.every is Every.MONTH:
            return day.day == 1
        return self.every is Every.DAY or DAYS[day.weekday()] == self.every
