import pytest

from connector.core.following.uncounted import Uncounted


def test_no_second_is_counted_twice() -> None:
    uncounted = Uncounted()
    uncounted.add(10, 15)
    uncounted.add(12, 18)
    uncounted.add(30, 31)
    assert uncounted.own == 9


def test_outages_count_from_when_the_job_was_taken_in() -> None:
    uncounted = Uncounted(common_at_start=100)
    uncounted.add(10, 15)
    uncounted.add_unsure(2)
    assert uncounted.seconds(103, unsure=4) == 3 + 5 + 2 + 4


@pytest.mark.parametrize(("own", "common", "disturbed"), [(0, 100, False), (1, 100, True), (0, 101, True)])
def test_an_outage_or_a_denial_disturbs(own: float, common: float, disturbed: bool) -> None:
    assert Uncounted(common_at_start=100, own=own).disturbed(common) == disturbed
