"""What a report, or a job that told nothing, means for each of its events.

Confirmed, tried again, taken apart, or refused for good.
"""
