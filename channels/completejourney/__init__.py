"""Real grocery baskets of the Complete Journey data set as orders of a channel."""
