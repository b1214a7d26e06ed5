"""Each event waits in the lanes of its device's identifiers.

What waits together is merged where nothing changes by it (`coalesce`).
"""
