"""What is known of a partition beyond its position <-> the text that travels in the commit's metadata.

Settled offsets and slices of unfinished jobs (`checkpoint`), as tokens, as bytes; also once the log begins
later (`rebasing`). May not know who commits it, nor any event, lane or job.
"""
