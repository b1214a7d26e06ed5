"""Every shape of a report that is published or known, and what is read of it."""

import msgspec
import pytest

from connector.answers import JobReport, JobState, Row, Unavailable
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


@pytest.mark.parametrize("envelope", ["", "response", "data"])
@pytest.mark.parametrize("named", ["job-1", 7])
def test_a_report_that_names_another_job_confirms_nothing(named: object, envelope: str) -> None:
    inner = {"request_id": named, "status": "Completed", "devices": [{"hwid": "A", "status": "done"}]}
    body = {envelope: inner} if envelope else inner
    assert poll(200, body, request_id="job-2") == Unavailable("The reply tells of another job", 200)
    assert isinstance(poll(200, body, request_id=str(named).upper()), JobReport)


def test_a_report_need_not_name_its_job() -> None:
    body = {"status": "Completed", "devices": [{"hwid": "A", "status": "done"}]}
    assert isinstance(poll(200, body, request_id="job-2"), JobReport)
