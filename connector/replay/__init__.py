"""The dead-letter tool: look at letters, and send them again in an order that does no harm."""
