"""Makes what is committed beside the models: schemas, examples, the AsyncAPI document and its page."""
