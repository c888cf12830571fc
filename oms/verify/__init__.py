"""What must stay true, checked on a live stack: one file for each invariant."""
