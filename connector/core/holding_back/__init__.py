"""When not to send.

Halts and the brake, an API that is down, more jobs or requests than it bears.
"""
