"""A member of the consumer group: what it reads, from where, and what it commits."""
