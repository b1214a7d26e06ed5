"""What the clients of librdkafka are given: the user's properties, and ours."""
