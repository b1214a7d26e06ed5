"""What an operator should read: lines that an edge writes into the log. The core knows no logger.

No identifier of a device is put into one; the API's own words, which some quote, may name a device: the edge
that writes the line hides that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from connector.model import TopicPartition

Level = Literal["info", "warning", "error"]
"""How loud a notice is: the log's methods have the same names."""


HALTED = "halted"
GOING_ON = "going on"
"""A halt, and its end: edges look for these."""


@dataclass(slots=True)
class Notice:
    """Something that an operator should read once."""

    level: Level
    text: str
    """The line of the log; what varies is in the fields."""
    fields: dict[str, Any] = field(default_factory=dict)


class Notices(list[Notice]):
    """What was noticed since the last `take`."""

    def tell(self, level: Level, text: str, **fields: object) -> None:
        """Add a notice."""
        self.append(Notice(level, text, fields))

    def tell_of(self, partition: TopicPartition, level: Level, text: str, **counts: int) -> None:
        """Add a notice about a partition; with one of the same text that isn't taken yet it becomes one.

        A take-over of 500 partitions is one line then, with their number and the sums of `counts`.
        """
        before = next((each for each in self if (each.level, each.text) == (level, text)), None)
        if before is None:
            self.tell(level, text, topic=partition.topic, partition=partition.partition, **counts)
            return
        fields = before.fields
        sums = {name: fields[name] + count for name, count in counts.items()}
        before.fields = {"partitions": fields.get("partitions", 1) + 1, **sums}

    def take(self) -> list[Notice]:
        """Return them all, and forget them."""
        taken = [*self]
        self.clear()
        return taken
