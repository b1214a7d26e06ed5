"""The books: what is settled, and what may be committed.

With the letters that are owed, and how much more the checkpoint can remember (`reach`).
"""
