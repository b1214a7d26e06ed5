"""A job from its POST's reply, or from an earlier owner's checkpoint (`adoption`), until it has ended.

Which there are (`tracking`), and when to poll each (`polling`).
"""
