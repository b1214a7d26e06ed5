"""One partition: its offsets, its jobs.

And what of them travels in the commit's metadata (`checkpoint`).
"""
