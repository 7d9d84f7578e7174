"""States: SLS files to high data, high data to chunks, chunks to results."""
