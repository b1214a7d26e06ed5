"""The Audience API's edge: typed requests and replies, one HTTP call each."""
