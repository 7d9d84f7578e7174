"""Who is still to return, and when to ask whether they are alive. Pure: `master/jobs` feeds it."""
