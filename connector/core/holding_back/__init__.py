"""When not to send.

What holds back: orders, halts and brakes, an API that is down, more jobs or requests than the API bears.
"""
