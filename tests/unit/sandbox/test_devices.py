"""List semantics, and which identifiers name one device."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.sandbox.contract import DeviceRegistration, TagChange
from connector.sandbox.devices import Devices, change_tags

NEWS = "news"


@pytest.mark.parametrize(
    ("present", "operator", "value", "expected"),
    [
        (["a"], "set", ["b"], ["b"]),
        (["a"], None, ["b"], ["b"]),
        (None, "append", ["b"], ["b"]),
        (["a"], "append", ["b", "a", "c"], ["a", "b", "c"]),
        (["a"], "append", ["b", "b"], ["a", "b"]),
        (["a"], "append", "b", ["a", "b"]),
        ("a", "append", ["b"], ["a", "b"]),
        ("a", "append", "b", "b"),
        (1, "append", 2, 2),
        (["a", "b", "c"], "remove", ["c", "a"], ["b"]),
        (["a"], "remove", ["a"], []),
        (["a"], "remove", "a", []),
        (["a"], "remove", ["z"], ["a"]),
        ("a", "remove", "a", None),
        ("a", "remove", ["a"], None),
        ("a", "remove", "b", "a"),
        (None, "remove", ["a"], None),
        (["a"], "set", None, None),
        ("a", "append", None, None),
        ("a", "remove", None, "a"),
    ],
)
def test_an_operator_replaces_appends_to_or_removes_from_what_a_tag_holds(
    present: Any, operator: str | None, value: Any, expected: Any
) -> None:
    tags = {} if present is None else {NEWS: present}
    change_tags(tags, operator, {NEWS: value})
    assert tags == ({} if expected is None else {NEWS: expected})


def test_true_one_and_one_point_nought_are_three_values() -> None:
    tags: dict[str, Any] = {NEWS: [1]}
    change_tags(tags, "append", {NEWS: [True, 1.0, 1]})
    assert list(map(type, tags[NEWS])) == [int, bool, float]


def test_other_tags_stay_as_they_are() -> None:
    tags = {"plan": "pro", NEWS: ["a"]}
    change_tags(tags, "set", {NEWS: ["b"]})
    assert tags == {"plan": "pro", NEWS: ["b"]}


def test_a_change_never_reaches_into_the_request_that_made_an_earlier_one() -> None:
    request = {NEWS: ["a"]}
    tags: dict[str, Any] = {}
    change_tags(tags, "set", request)
    change_tags(tags, "append", {NEWS: ["b"]})
    assert request == {NEWS: ["a"]}


LISTS = st.lists(st.sampled_from("abcd"), max_size=4)


@given(LISTS, LISTS, LISTS, st.sampled_from(["append", "remove"]))
def test_two_appends_or_two_removes_are_one_of_both_lists(
    present: list[str], one: list[str], other: list[str], operator: str
) -> None:
    apart, together = {NEWS: present}, {NEWS: present}
    change_tags(apart, operator, {NEWS: one})
    change_tags(apart, operator, {NEWS: other})
    change_tags(together, operator, {NEWS: one + other})
    assert apart == together


def tags_by_name(devices: Devices) -> dict[str, dict[str, Any]]:
    return {device.hwid or device.user_id or device.push_token or "": device.tags for device in devices}


def test_hwid_user_and_token_of_the_same_text_are_three_devices() -> None:
    devices = Devices()
    named = (
        TagChange({"n": 0}, hwid="X"),
        TagChange({"n": 1}, user_id="X"),
        TagChange({"n": 2}, push_token="X"),
    )
    for change in named:
        devices.change(change, change.tags)
    assert sorted(device.tags["n"] for device in devices) == [0, 1, 2]


def test_a_token_names_the_device_that_registered_it() -> None:
    devices = Devices()
    devices.change(DeviceRegistration("A", "T", 3), {})
    devices.change(TagChange({"n": 1}, push_token="T"), {"n": 1})
    assert tags_by_name(devices) == {"A": {"n": 1}}


def test_a_token_that_moves_to_another_device_names_that_one() -> None:
    devices = Devices()
    devices.change(DeviceRegistration("A", "T", 3), {})
    devices.change(DeviceRegistration("B", "T", 3), {})
    devices.change(TagChange({"n": 1}, push_token="T"), {"n": 1})
    assert tags_by_name(devices) == {"A": {}, "B": {"n": 1}}


def test_a_device_that_gets_a_new_token_gives_the_old_one_up() -> None:
    devices = Devices()
    devices.change(DeviceRegistration("A", "T", 3), {})
    devices.change(DeviceRegistration("A", "U", 3), {})
    devices.change(TagChange({"n": 1}, push_token="T"), {"n": 1})
    assert tags_by_name(devices) == {"A": {}, "T": {"n": 1}}


def test_a_registration_notes_platform_and_token() -> None:
    devices = Devices()
    devices.change(TagChange({}, hwid="A"), {})
    assert [device.registered for device in devices] == [False]
    devices.change(DeviceRegistration("A", "T", 14), {"n": 1})
    (device,) = devices
    assert (device.registered, device.platform, device.push_token, device.tags) == (True, 14, "T", {"n": 1})
