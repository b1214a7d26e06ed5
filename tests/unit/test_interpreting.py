"""Records that are read outside of `run`: where there is no decoder for them, or it can't work now."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from connector.core.reading.decode import Interpreter
from connector.core.reading.event import Decoded
from connector.interpreting import Interpreting, NotNow
from connector.model import DecoderUnavailable, Reason, Record, Rejection
from connector.options import Failed
from tests.records import ARecord
from tests.settings import with_environment


class Unavailable:
    """A decoder that can't work, and counts how often it is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0
        monkeypatch.setattr(Interpreter, "read", lambda _self, records: self._read(records))

    def _read(self, _records: Sequence[Record]) -> Sequence[Decoded]:
        self.asked += 1
        raise DecoderUnavailable("gone", mend="bring it back", outage=False)


def test_a_topic_that_isn_t_configured_can_t_be_read() -> None:
    found = Interpreting(with_environment()).records("others", [ARecord(b"{}"), ARecord(b"{}")])
    why = "topic others isn't among the configured ones: nobody can read it"
    assert found == [Rejection(Reason.UNDECODABLE, why)] * 2


def test_a_decoder_without_a_call_back_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    Unavailable(monkeypatch)
    with pytest.raises(Failed, match="gone; bring it back"):
        Interpreting(with_environment()).records("tags", [ARecord(b"{}")])


def test_where_it_isn_t_needed_it_is_asked_once_and_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = Unavailable(monkeypatch)
    interpreting = Interpreting(with_environment(), needed=False)
    assert interpreting.doubt == ""
    for _ in range(2):
        (found,) = interpreting.records("tags", [ARecord(b"{}")])
        assert isinstance(found, NotNow)
    assert decoder.asked == 1
    assert interpreting.doubt == "the decoder can't work now: gone; bring it back"
