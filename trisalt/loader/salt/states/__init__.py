"""State modules: our own shelf, by the names of its files and of stock's."""
