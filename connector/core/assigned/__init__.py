"""One partition for as long as it is ours: plain state that every other room points to or keeps something in.

Which of its offsets are settled (`offsets`), what unfinished jobs carry of it (`job_slice`). It decides
nothing, and may not know any other part of the core: no event, no lane, no checkpoint.
"""
