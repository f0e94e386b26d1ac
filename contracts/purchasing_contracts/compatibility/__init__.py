"""Compatibility of two versions of a schema: a reader of one accepts what a writer of the other may send."""
