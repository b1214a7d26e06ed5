"""The dead-letter topic: what a letter looks like, and how it is written exactly once."""
