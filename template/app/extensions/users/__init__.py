"""People who sign in: who they are here, what they may do, and who lets them in."""
