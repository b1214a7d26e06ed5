"""The books: what is settled, and what may be committed.

The letters that are owed are in them; `reach` knows how much more the checkpoint can remember.
"""
