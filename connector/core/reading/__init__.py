"""A record becomes an event, a rejection, or nothing.

Knows the API's contract for what may be sent (`rules`). An event has the names of its lanes (`lane_keys`) and
fields that the rest of the core fills in; what lanes and batches do with them is not known here.
"""
