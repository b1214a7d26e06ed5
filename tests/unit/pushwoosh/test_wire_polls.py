"""Every shape of a reply to a GET of a job that is published or known, and what is none."""

import msgspec
import pytest

from connector.answers import Denied, JobReport, JobState, JobUnknown, Row, Unavailable
from connector.model import Cause
from tests.unit.pushwoosh.replies import poll, report


def test_the_published_example_is_read() -> None:
    found = report(
        {
            "request_id": "r",
            "status": "Completed",
            "progress": 100,
            "devices_success": 4,
            "devices": [
                {"hwid": "A", "status": "done", "tags": {"a": "ok", "b": "tag not found"}},
                {"hwid": "B", "status": "failed"},
            ],
        }
    )
    assert found == JobReport(
        JobState.COMPLETED,
        "Completed",
        100,
        [
            Row(hwid="A", status="done", tags={"a": "ok", "b": "tag not found"}),
            Row(hwid="B", status="failed"),
        ],
    )


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("Completed", JobState.COMPLETED),
        ("COMPLETED", JobState.COMPLETED),
        (" completed ", JobState.COMPLETED),
        ("failed", JobState.FAILED),
        ("Pending", JobState.UNFINISHED),
        ("in-progress", JobState.UNFINISHED),
        ("In_Progress", JobState.UNFINISHED),
        ("Completed with errors", JobState.UNFINISHED),
        ("\u041e\u041a", JobState.UNFINISHED),
        (7, JobState.UNFINISHED),
        (True, JobState.UNFINISHED),
    ],
)
def test_only_two_words_end_a_job(word: object, state: JobState) -> None:
    found = report({"request_id": "r", "status": word})
    assert found.state is state
    assert found.rows is None


@pytest.mark.parametrize(
    ("progress", "percent"),
    [(40, 40), ("40", 40), ("40%", 40), (40.7, 40), ("x", -1), (None, -1), ("", -1), ("inf", -1), ([], -1)],
)
def test_progress_is_read_as_number_or_text(progress: object, percent: int) -> None:
    assert report({"status": "Pending", "progress": progress, "request_id": "r"}).progress == percent


def test_counters_of_any_type_do_not_matter() -> None:
    found = report({"status": "Completed", "devices_success": "100", "devices_failed": None, "devices": []})
    assert found.rows == []


def test_rows_of_odd_types_keep_their_places() -> None:
    found = report(
        {
            "status": "Completed",
            "devices": [
                {"hwid": "A", "status": "done", "tags": None},
                {"hwid": 12, "status": None, "tags": []},
                "nonsense",
                None,
                {
                    "user_id": "u",
                    "push_token": 5,
                    "hwid": True,
                    "status": 3,
                    "tags": {"a": {"status": "ok"}, "b": None},
                },
                {
                    "hwid": "B",
                    "status": "done",
                    "tags": [{"name": "a", "status": "ok"}, {"tag": "b", "message": "no"}, "x"],
                },
                {"hwid": "C", "status": "done", "tags": "tag not found"},
                {"hwid": "D", "status": "done", "tags": [{"name": 5}], "else": 1},
            ],
        }
    )
    assert found.rows == [
        Row(hwid="A", status="done"),
        Row(hwid="12"),
        Row(),
        Row(),
        Row(user_id="u", push_token="5", status="3", tags={"a": "ok", "b": "null"}),
        Row(hwid="B", status="done", tags={"a": "ok", "b": "no", "2": "x"}),
        Row(hwid="C", status="done", tags={"": "tag not found"}),
        Row(hwid="D", status="done", tags={"0": '{"name":5}'}),
    ]


def test_each_row_has_the_answers_that_came_with_it() -> None:
    good, bad = {"a": "ok"}, {"a": "tag not found"}
    said = [good, good, bad, None, good, bad, {}, good]
    rows = [{"hwid": f"D{at}", "status": "done", "tags": tags} for at, tags in enumerate(said)]
    rows.append({"hwid": "D8", "status": "done"})
    found = report({"status": "Completed", "devices": rows}).rows
    assert found is not None
    assert [row.tags for row in found] == [*said, None]


@pytest.mark.parametrize(
    "note",
    [b'"\xff"', rb'"cut \ud83d"', rb'"\udc00 cut"', b"NaN", b"[Infinity]", rb'{"\ud83d": 1}'],
    ids=["no UTF-8", "half a pair", "the other half", "not a number", "infinity", "in a name"],
)
def test_a_note_that_is_no_json_hides_no_verdict(note: bytes) -> None:
    row = b'{"hwid":"A","status":"done","tags":{"a":"ok"},"note":%b}' % note
    found = report(b'{"request_id":"r","status":"Completed","devices":[%b]}' % row)
    assert found.rows == [Row(hwid="A", status="done", tags={"a": "ok"})]
    assert msgspec.json.encode(found.rows)


def test_a_byte_order_mark_is_no_part_of_a_report() -> None:
    assert report(b'\xef\xbb\xbf{"request_id":"r","status":"Completed"}').state is JobState.COMPLETED


@pytest.mark.parametrize("devices", [None, "many"])
def test_devices_that_are_no_list_are_no_details(devices: object) -> None:
    assert report({"status": "Completed", "devices": devices}).rows is None


def test_devices_may_be_a_map_by_their_names() -> None:
    devices = {"A": "done", "B": {"status": "failed"}, "C": {"hwid": "c", "status": "done"}}
    assert report({"status": "Completed", "devices": devices}).rows == [
        Row(hwid="A", status="done"),
        Row(hwid="B", status="failed"),
        Row(hwid="c", status="done"),
    ]


@pytest.mark.parametrize("envelope", ["response", "data", "result"])
@pytest.mark.parametrize("status", [{}, {"status": "success"}, {"status": 200}, {"status_code": 200}])
def test_the_status_of_an_envelope_is_not_the_job_s(envelope: str, status: dict[str, object]) -> None:
    inner = {"request_id": "r", "status": "Completed", "devices": [{"hwid": "A", "status": "done"}]}
    found = report({**status, envelope: inner})
    assert found.state is JobState.COMPLETED
    assert found.rows == [Row(hwid="A", status="done")]


@pytest.mark.parametrize(
    "begun", [{"request_id": "r"}, {"request_id": "r", "progress": 0}, {"progress": 100}]
)
def test_a_job_without_a_status_has_not_ended(begun: dict[str, object]) -> None:
    assert report(begun).state is JobState.UNFINISHED


@pytest.mark.parametrize("number", [100, "100", [1]])
def test_a_report_may_sit_inside_an_envelope(number: object) -> None:
    inner = {
        "request_id": "r",
        "status": "Completed",
        "progress": number,
        "devices": [{"hwid": "A", "status": "done"}],
    }
    found = report({"status_code": 200, "status_message": "OK", "response": inner})
    assert found.rows == [Row(hwid="A", status="done")]
    found = report({"status_code": 200, "status": None, "response": inner})
    assert found.state is JobState.COMPLETED


def test_a_failed_job_says_why() -> None:
    found = report({"request_id": "r", "status": "Failed", "message": "internal error"})
    assert (found.state, found.message) == (JobState.FAILED, "internal error")
    assert report({"status": "Failed", "error": {"message": "boom"}}).message == "boom"
    assert report({"status": "Failed"}).message == ""


@pytest.mark.parametrize("envelope", ["", "response", "data"])
@pytest.mark.parametrize("named", ["job-1", 7])
def test_a_report_that_names_another_job_confirms_nothing(named: object, envelope: str) -> None:
    inner = {"request_id": named, "status": "Completed", "devices": [{"hwid": "A", "status": "done"}]}
    body = {envelope: inner} if envelope else inner
    assert poll(200, body, request_id="job-2") == Unavailable("The reply tells of another job", 200)
    assert isinstance(poll(200, body, request_id=str(named).upper()), JobReport)


@pytest.mark.parametrize(
    ("message", "no_time"),
    [
        ("rate limit exceeded, try again later", True),
        ("service temporarily unavailable, please try again later", True),
        ("too many jobs in progress", True),
        ("internal error", False),
        ("device A1 unavailable", False),
        ("", False),
    ],
)
def test_a_job_may_have_failed_for_lack_of_time_alone(message: str, no_time: bool) -> None:
    assert report({"request_id": "r", "status": "Failed", "message": message}).asks_for_time is no_time
    assert not report({"request_id": "r", "status": "Pending", "message": message}).asks_for_time
    completed = {"request_id": "r", "status": "Completed", "devices": [], "message": message}
    assert not report(completed).asks_for_time


def test_a_report_need_not_name_its_job() -> None:
    body = {"status": "Completed", "devices": [{"hwid": "A", "status": "done"}]}
    assert isinstance(poll(200, body, request_id="job-2"), JobReport)


@pytest.mark.parametrize(
    ("message", "cause"),
    [("unauthorized", Cause.UNAUTHORIZED), ("application not found", Cause.UNKNOWN_APPLICATION)],
)
def test_a_job_that_failed_for_its_credentials_is_denied(message: str, cause: Cause) -> None:
    answer = poll(200, {"request_id": "r", "status": "Failed", "message": message})
    assert answer == Denied(cause, message, 200, of_job=True)
    assert isinstance(report({"status": "Completed", "message": message}), JobReport)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"message": "request not found"}),
        (404, b"<html>404</html>"),
        (400, {"message": "invalid request"}),
        (410, b""),
        (422, {"message": "malformed"}),
        (200, {"message": "request not found"}),
        (200, {"message": "invalid request"}),
        (200, {"code": 5, "message": "gone"}),
        (200, {"status": "failure", "error": {"message": "unknown request_id"}}),
    ],
)
def test_a_request_id_that_means_nothing_is_an_unknown_job(status: int, body: object) -> None:
    answer = poll(status, body)
    assert isinstance(answer, JobUnknown)
    assert answer.http_status == status


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (401, b"", "unauthorized"),
        (403, {"message": "no"}, "unauthorized"),
        (400, {"message": "invalid token"}, "unauthorized"),
        (404, {"message": "application not found"}, "unknown_application"),
        (200, {"message": "unauthorized"}, "unauthorized"),
        (200, {"status": "error", "message": "unauthorized"}, "unauthorized"),
        (200, {"request_id": "r", "status": "Pending", "message": "unauthorized"}, "unauthorized"),
        (301, b"", "wrong_url"),
        (405, b"", "wrong_url"),
    ],
)
def test_a_poll_is_denied_like_a_post(status: int, body: object, cause: str) -> None:
    answer = poll(status, body)
    assert isinstance(answer, Denied)
    assert (answer.cause, answer.http_status) == (cause, status)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html></html>"),
        (200, b'{"status":"Completed","devices":[{"hwid":"A"'),
        (200, b"[]"),
        (200, b"\xff"),
        (200, b'{"response":' * 5000),
        (200, {"message": "internal error, try later"}),
        (200, {"status": "error", "message": "internal error, try later"}),
        (200, {"code": 14, "message": "not found anywhere"}),
        (429, b""),
        (500, {"message": "not found"}),
        (502, b"<html>"),
        (418, b""),
    ],
)
def test_a_poll_that_can_not_be_read_is_unavailable_and_nothing_is_lost(status: int, body: object) -> None:
    answer = poll(status, body, "3")
    assert isinstance(answer, Unavailable)
    assert (answer.http_status, answer.retry_after, answer.maybe_accepted) == (status, 3.0, False)
    assert answer.message
