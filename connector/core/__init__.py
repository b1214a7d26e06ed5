"""The pure core: facts go in, actions come out. No clock, no input or output, no thread, no logger.

A record's way through it; `connector/README.md` says more of each step:

    decode (rules, json_events)   a record is an event, or is rejected
    partitions                    a fetch is taken in; records of an earlier owner's jobs join them (adoption)
    lanes (coalesce)              one event of a device goes at a time, what waits is merged
    dispatch (queues)             ready events make batches
    planning                      what may go now: halts, outages, pace, concurrency, exposure, reach
    posted                        a POST was answered: a job (tracking, polling), or the batch goes again
    polled (verdicts)             a GET was: ask again, or what the report of an ended job says of each event
    fates                         confirmed, tried again, taken apart, or owed a letter (owed)
    untold                        a job told nothing of its devices: once more, as they were or in halves
    leaving                       its lanes go on
    ledger (offsets, checkpoint)  what may be committed, with the letters that are written with it

`engine` is the face of all that, `state` what these steps share.
"""
