"""Files: where they are, and how they are served."""
