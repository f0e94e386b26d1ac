"""Whether two versions of a schema go together: what a writer of the one may send, a reader of the other takes."""
