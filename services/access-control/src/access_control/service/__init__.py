"""What access-control does: one function per verb, whichever door it is asked through."""
