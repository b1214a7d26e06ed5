"""An API for one engine: it makes jobs of batches, and reports of them what a test wants it to."""

from __future__ import annotations

from dataclasses import dataclass, field

from connector.answers import JobReport, JobState, Row
from connector.core.batching.batch import Batch
from connector.core.queueing.coalesce import contributors
from tests.property.engine_log import Place


@dataclass
class ApiJob:
    """What the API knows of a job: a row and the records behind it for each device."""

    rows: list[tuple[Row, list[Place]]]
    report: JobReport | None = None


@dataclass
class Api:
    """The jobs that it has taken, by their names."""

    jobs: dict[str, ApiJob] = field(default_factory=dict)
    good: set[Place] = field(default_factory=set)
    """Records that it confirmed."""

    def accept(self, batch: Batch) -> str:
        """The API makes a job of a batch; the engine is not told yet."""
        name = f"job-{len(self.jobs)}"
        rows = [
            (
                Row(event.hwid, event.user_id, event.push_token),
                [(each.assignment.partition, each.offset) for each in contributors(event)],
            )
            for event in batch.events
        ]
        self.jobs[name] = ApiJob(rows)
        return name

    def finish(self, name: str, statuses: list[str]) -> JobReport:
        """The API's report of a job: made once, from a status for each device in turn."""
        job = self.jobs[name]
        if job.report is None:
            rows = []
            for at, (row, places) in enumerate(job.rows):
                status = statuses[at % len(statuses)] if statuses else "done"
                if status == "missing":
                    continue
                refused = {"t": "tag not found"} if status == "refused" else None
                word = "done" if status == "refused" else status
                rows.append(Row(row.hwid, row.user_id, row.push_token, word, refused))
                if status == "done":
                    self.good.update(places)
            job.report = JobReport(JobState.COMPLETED, "Completed", 100, rows)
        return job.report

    def fail(self, name: str) -> JobReport:
        job = self.jobs[name]
        job.report = job.report or JobReport(JobState.FAILED, "Failed", 100, None)
        return job.report
