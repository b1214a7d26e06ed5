"""Traces of batches and jobs, as the extra `tracing`: watches what is carried out, decides nothing."""
