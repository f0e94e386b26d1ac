"""Parts that every process needs: settings, errors, retries, shutdown, failpoints, version."""
