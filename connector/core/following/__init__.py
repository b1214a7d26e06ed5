"""A job from its POST's reply, or from an earlier owner's checkpoint (`adoption`), until it has ended.

`tracking` knows which jobs there are, `polling` when to poll each.
"""
