"""The pure core: facts go in, actions come out.

Pure means, of every module in here: no clock, no input or output, no thread, no logger, no chance. Times and
random numbers are given; what is to be logged or counted is fetched (`Engine.take_notices`, `take_tally`).

`engine` is the way in; `components` what its four deciders share: `partitions`, `planning`, `posted`,
`polled`. A record's way through them; `connector/README.md` says more of each step:

    reading/        a record is an event, or is rejected
    partitions      a fetch is taken in; records of an earlier owner's jobs join them
    queueing/       one event of a device goes at a time, what waits is merged
    batching/       ready events make batches
    planning        what may go now, and what not (holding_back/)
    posted          a POST was answered: there is a job, or the batch goes again
    following/      the jobs, and when to poll each
    polled          a GET was answered: ask again, or the job has ended
    judging/        what its report says of each event: confirmed, tried again, or owed a letter
    settling/       what may be committed, with the letters that are written with it
    remembering/    the checkpoint that travels with the position, as text

Two rooms below all these hold plain data: `assigned/`, where they keep what they know of a partition, and
`past/`, what devices and requests went through.
"""
