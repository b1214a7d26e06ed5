"""When not to send.

Orders, halts and the brakes, an API that is down, more jobs or requests than it bears.
"""
