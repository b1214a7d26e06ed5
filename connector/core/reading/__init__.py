"""A record becomes an event, a rejection, or nothing.

Knows the API's contract for what may be sent (`rules`); no lane, no batch.
"""
