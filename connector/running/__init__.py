"""The edges that `runner.py` joins: each does what the engine asks for, and tells it what came of it.

`consuming` on Kafka's side, with one file for each of its steps; `sending` on the API's; `view`, `reporting`,
`incidents` and `control` towards those who watch.
"""
