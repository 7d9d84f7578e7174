"""What the master shows of minions, jobs and itself, to whoever may see it: the questions that consoles ask."""
