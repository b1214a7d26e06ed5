"""Ready events become batches, by application and endpoint: first come, first served.

A refused batch goes again in halves (`hunt`).
"""
