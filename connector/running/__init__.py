"""The edges that `runner.py` joins: each does what the engine asks for, and tells it what came of it.

`kafka_side` joins what is on Kafka's: the coroutine `consuming`, the listener `rebalancing`, and a file for
each of their steps; `sending` on the API's; `view`, `reporting`, `incidents` and `control` towards those who
watch.
"""
