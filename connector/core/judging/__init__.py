"""What a report, or a job that told nothing, means for each of its events.

The table has the end of each event: by what is said again and again of one device, or of each request and
job that it is in, while others do well; and what becomes of all events if it is said of all devices:

| what is said | of one device | of all |
|---|---|---|
| a row that is done | confirmed | confirmed |
| a row that is done, with a refused tag | `tag_refused` | `tag_refused` |
| a row that is failed | `device_failed` | `device_failed` |
| a row that is not found | `device_not_found` | `device_not_found` |
| no row, or one with an unknown word | `no_verdict` | `no_verdict` |
| the job Failed | `job_failed` | `job_failed` |
| the job Failed, as the API is overloaded | waits | waits |
| the job Failed, and its words blame credentials | `job_failed` | halt |
| the job is not known | `no_verdict` | waits |
| the job never ends | `no_verdict` | waits |
| the job can't be polled: 5xx, no reply | `no_verdict` | waits |
| the job may not be polled: 401, 403 | `no_verdict` | halt |
| the request is refused: 400, 422 | `refused_by_api` | `refused_by_api` |
| the request is too large: 413 | `too_large` | `too_large` |
| the request is not answered: 429, 5xx, no reply | waits | waits |
| the request is denied: 401, 403 | waits | halt |
| the request is denied by words alone: 400 | `refused_by_api` | halt |

A reason is a dead letter's; what waits is tried again without an end, slowly. Nobody else ever pays for one
device. Where most events end as letters, the brake halts. `tests/unit/core/judging/test_table.py` reads this
table and lives through each row.
"""
