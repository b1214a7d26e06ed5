"""What devices went through together (`history`), and a request that fails (`suspicion`), to judge them by.

Plain data: a batch and its job have it, and who judges or holds back writes it. May not know any other part
of the core.
"""
