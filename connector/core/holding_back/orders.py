"""What the process was told: to stop, or to submit nothing for now."""

from __future__ import annotations


class Orders:
    """Orders in force. Jobs under way are followed, and what is settled is committed, whatever they say."""

    def __init__(self) -> None:
        self.stopping = False
        """Whether nothing is to be submitted any more."""
        self._frozen: set[str] = set()
        """Why nothing is to be submitted for now: each reason ends by itself."""

    def stop(self) -> None:
        """Submit nothing from now on."""
        self.stopping = True

    def freeze(self, why: str) -> None:
        """Submit nothing until `thaw` is called with the same reason, and with every other that was given."""
        self._frozen.add(why)

    def thaw(self, why: str) -> None:
        """End what `freeze` began, as far as this reason goes."""
        self._frozen.discard(why)

    @property
    def frozen(self) -> bool:
        """Whether nothing is to be submitted for now."""
        return bool(self._frozen)

    @property
    def may_submit(self) -> bool:
        """Whether no order speaks against submitting."""
        return not (self.stopping or self._frozen)
