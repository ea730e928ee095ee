"""Models written for others: servers, other runtimes, other libraries."""
