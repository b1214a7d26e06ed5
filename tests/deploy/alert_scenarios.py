"""What may go on in a connector, and which alerts must fire when."""

from __future__ import annotations

from typing import NamedTuple

from tests.deploy.alert_series import (
    BACKLOG,
    BUSY,
    CALLS,
    CATCHING_UP,
    COMMITS,
    COMMITTED,
    CONFIRMED,
    DEAD,
    FAILED_CALLS,
    GATE,
    GONE,
    HALTED,
    HALTED_BY_LOSS,
    IDLE,
    IN_TIME,
    LETTERS,
    LOST,
    NEXT_BACKLOG,
    NEXT_COMMITTED,
    NEXT_OLDEST,
    OLDEST,
    OTHER_BACKLOG,
    OTHER_CONFIRMED,
    OTHER_GATE,
    PAUSED,
    REBALANCES,
    REFUSED,
    SETTLED,
    TROUBLE,
    UP,
    of_another,
    of_backfill,
    series,
)

_LENGTH = 300


class Scenario(NamedTuple):
    """What goes on, and by minute the alerts that then fire: these and no others."""

    name: str
    series: dict[str, str]
    firing: dict[int, list[str]]

    def written(self) -> list[dict[str, str]]:
        """Give promtool's `input_series`; a form that ends in `x` goes on to the end."""
        return [
            {"series": name, "values": values + str(_LENGTH) if values.endswith("x") else values}
            for name, values in self.series.items()
        ]


SCENARIOS = [
    Scenario("work to do and all is well", BUSY, {30: [], 120: []}),
    Scenario("an idle topic", IDLE, {30: [], 120: []}),
    Scenario(
        "a burst after an idle hour, settled within a minute",
        IDLE | {BACKLOG: "0x99 900 0x", CONFIRMED: "0x100 900x"},
        {100: [], 102: [], 106: []},
    ),
    Scenario("nobody answers", IDLE | {UP: "1x20 0x"}, {24: [], 27: ["Down"], 40: ["Down", "InstanceDown"]}),
    Scenario("the only instance is replaced in four minutes", IDLE | {UP: "1x20 0x3 1x"}, {24: [], 27: []}),
    Scenario("no instance was ever there", {'up{job="another"}': "1x"}, {4: [], 6: ["Down"]}),
    Scenario(
        "one of two installations is gone, the other one is well",
        BUSY | {series("up", namespace="another"): "1x20 stale"},
        {24: [], 27: ["Down"], 120: ["Down"]},
    ),
    Scenario(
        "the only installation is gone: one page",
        IDLE | {UP: "1x20 stale"},
        {24: [], 27: ["Down"], 120: ["Down"]},
    ),
    Scenario(
        "one of two does not answer",
        BUSY | {series("up", instance="b"): "1x20 0x"},
        {34: [], 38: ["InstanceDown"]},
    ),
    Scenario(
        "halted and on its way again", BUSY | {HALTED: "0x20 1x20 0x"}, {20: [], 23: ["Halted"], 43: []}
    ),
    Scenario(
        "work and no progress",
        BUSY | {CONFIRMED: "0+6000x20 120000x", DEAD: "120x", REFUSED: "120x"},
        {25: [], 38: ["NoProgress"]},
    ),
    Scenario(
        "halted with work to do: one page for one cause",
        BUSY | {HALTED: "1x", CONFIRMED: "120000x", DEAD: "120x", REFUSED: "120x"},
        {5: ["Halted"], 40: ["Halted"]},
    ),
    Scenario(
        "Kafka in trouble with work to do: one page for one cause",
        BUSY | {TROUBLE: "1x", CONFIRMED: "120000x", DEAD: "120x", REFUSED: "120x"},
        {3: [], 10: ["KafkaTrouble"], 40: ["KafkaTrouble"]},
    ),
    Scenario(
        "nothing settled in the first minutes after a start",
        BUSY | {BACKLOG: "_x20 500x", CONFIRMED: "_x20 0x", DEAD: "_x20 0x", REFUSED: "_x20 0x"},
        {26: [], 33: [], 40: ["NoProgress"]},
    ),
    Scenario(
        "work and slow progress: a record in five minutes",
        BUSY
        | {CONFIRMED: "0x4 1x4 2x4 3x4 4x4 5x4 6x4 7x4 8x4 9x4 10x4 11x4 12x"}
        | {DEAD: "0x", REFUSED: "0x", IN_TIME: "0x", SETTLED: "0x"},
        {30: [], 58: []},
    ),
    Scenario("old records flow: a backlog is worked off", BUSY | {OLDEST: "3000x"}, {30: [], 120: []}),
    Scenario(
        "paused for half an hour with work to do, and on its way again",
        BUSY
        | {
            PAUSED: "0x20 1x30 0x",
            CONFIRMED: "0+6000x20 120000x30 126000+6000x",
            DEAD: "120x",
            REFUSED: "120x",
        },
        {25: [], 38: [], 50: [], 54: [], 58: [], 120: []},
    ),
    Scenario(
        "paused and forgotten",
        BUSY | {PAUSED: "0x20 1x300", CONFIRMED: "0+6000x20 120000x", DEAD: "120x", REFUSED: "120x"},
        {60: [], 255: [], 265: ["Paused"]},
    ),
    Scenario(
        "one of two is paused and the other has no progress",
        BUSY
        | {
            PAUSED: "0x20 1x",
            series("pushwoosh_connector_halted", instance="b", cause="paused"): "0x",
            CONFIRMED: "0+6000x20 120000x",
            DEAD: "120x",
            REFUSED: "120x",
        },
        {25: [], 38: ["NoProgress"]},
    ),
    Scenario(
        "a record holds up its partition while others flow",
        BUSY | {OLDEST: "0+60x", COMMITTED: "5x"},
        {14: [], 18: ["RecordStuck"], 120: ["RecordStuck"]},
    ),
    Scenario(
        "one of two settles nothing while the other one does",
        BUSY | {OTHER_BACKLOG: "700x", OTHER_CONFIRMED: "0+6000x20 120000x", OTHER_GATE: "1x"},
        {33: [], 38: ["InstanceNoProgress"]},
    ),
    Scenario(
        "one of two can't reach the API",
        BUSY | {OTHER_BACKLOG: "700x", OTHER_CONFIRMED: "0+6000x20 120000x", OTHER_GATE: "1x20 0x"},
        {29: [], 33: ["InstanceCutOff"], 60: ["InstanceCutOff"]},
    ),
    Scenario(
        "no instance can reach the API",
        BUSY
        | {
            OTHER_GATE: "1x20 0x",
            GATE: "1x20 0x",
            CONFIRMED: "0+6000x20 120000x",
            DEAD: "120x",
            REFUSED: "120x",
        }
        | {CALLS: "0+60x20 1200x", FAILED_CALLS: "0x20 0+1x"},
        {29: [], 38: ["NoProgress"], 45: ["ApiErrors", "NoProgress"]},
    ),
    Scenario(
        "the gates of two close now and then",
        BUSY | {GATE: "1 1 0 1 1 1 0 0 " * 8 + "1x", OTHER_GATE: "1 0 0 0 1 1 0 1 " * 8 + "1x"},
        {20: [], 40: [], 60: []},
    ),
    Scenario(
        "a partition is not read while others flow",
        BUSY | {NEXT_BACKLOG: "0x20 1+5x", NEXT_COMMITTED: "77x", NEXT_OLDEST: "0x"},
        {48: [], 53: ["PartitionNotRead"], 120: ["PartitionNotRead"]},
    ),
    Scenario(
        "a partition is handed over and read on",
        BUSY
        | {NEXT_BACKLOG: "500x20 stale", NEXT_COMMITTED: "0+60x20 stale", OTHER_CONFIRMED: "0+60x"}
        | dict(
            zip(
                of_another(NEXT_BACKLOG, NEXT_COMMITTED, NEXT_OLDEST),
                ("_x20 500x", "_x20 1200x3 1260+60x", "_x20 3000x"),
                strict=True,
            )
        ),
        {22: [], 30: [], 60: []},
    ),
    Scenario(
        "an outage of an hour is caught up with",
        BUSY | CATCHING_UP | {HALTED: "0x20 1x60 0x"},
        {60: ["Halted"], **{minute: [] for minute in range(82, 200, 3)}},
    ),
    Scenario(
        "a backfill of old records",
        of_backfill(BUSY | {OLDEST: "9000000x", IN_TIME: "0x"}) | {UP: "1x"},
        {60: [], 120: []},
    ),
    Scenario(
        "three percent later than the objective",
        BUSY | {IN_TIME: "0+5820x"},
        {10: [], 20: ["ConfirmationSlow"]},
    ),
    Scenario("half a percent later than the objective", BUSY | {IN_TIME: "0+5970x"}, {60: []}),
    Scenario(
        "five percent refused",
        BUSY | {REFUSED: "0x20 0+300x"},
        {20: [], 36: ["DeadLetters"], 60: ["DeadLetters"]},
    ),
    Scenario("one and a half percent refused", BUSY | {REFUSED: "0+90x"}, {30: [], 60: []}),
    Scenario(
        "three refused records of a quiet topic",
        IDLE | {REFUSED: "0x20 3x", DEAD: "0x20 3x"},
        {22: [], 30: [], 60: []},
    ),
    Scenario(
        "the dead-letter topic can't be written",
        BUSY | {LETTERS: "0x20 0+2x"},
        {22: [], 27: ["DeadLettersUnwritable"]},
    ),
    Scenario("one write that worked when it was tried again", BUSY | {LETTERS: "0x20 1x"}, {25: [], 27: []}),
    Scenario(
        "a fifth of the calls fails",
        BUSY | {FAILED_CALLS: "0+1x20 20+15x"},
        {22: [], 40: ["ApiErrors"]},
    ),
    Scenario("one call in twelve fails", BUSY | {FAILED_CALLS: "0+5.5x"}, {30: [], 60: []}),
    Scenario(
        "an outage of the API of six minutes",
        BUSY | {FAILED_CALLS: "0x20 0+4x6 24x", CALLS: "0+60x20 1200x6 1200+60x"},
        {24: [], 28: [], 35: []},
    ),
    Scenario("a broker is away for three minutes", BUSY | {TROUBLE: "_x20 1x3 stale"}, {22: [], 26: []}),
    Scenario(
        "Kafka refuses something and grants it again",
        BUSY | {TROUBLE: "_x20 1x20 stale"},
        {22: [], 27: ["KafkaTrouble"], 43: []},
    ),
    Scenario("commits keep failing", BUSY | {COMMITS: "0x20 0+1x"}, {22: [], 37: ["CommitFailures"]}),
    Scenario("two commits failed while a broker restarted", BUSY | {COMMITS: "0x20 2x"}, {25: [], 35: []}),
    Scenario("a rebalance every minute", BUSY | {REBALANCES: "3x20 3+1x"}, {30: [], 45: ["Rebalances"]}),
    Scenario("a rolling restart of three instances", BUSY | {REBALANCES: "3x20 3+2x4 11x"}, {30: [], 50: []}),
    Scenario(
        "all processes start anew and count from 0",
        BUSY
        | {
            CONFIRMED: "0+6000x20 0+6000x",
            DEAD: "0+6x20 0+6x",
            REFUSED: "0+6x20 0+6x",
            SETTLED: "0+6000x20 0+6000x",
        }
        | {IN_TIME: "0+6000x20 0+6000x", REBALANCES: "3x20 0x1 3x"},
        {22: [], 40: []},
    ),
    Scenario(
        "records were deleted before they were read, and passed over",
        BUSY | {LOST: "0x20 40x"},
        {19: [], 23: ["RecordsLost"], 100: []},
    ),
    Scenario(
        "records were deleted before they were read, and their partition waits: one page for one cause",
        BUSY | {GONE: "_x20 1x80 stale", HALTED_BY_LOSS: "0x20 1x80 0x"},
        {19: [], 21: ["RecordsLost"], 40: ["RecordsLost"], 105: []},
    ),
]
