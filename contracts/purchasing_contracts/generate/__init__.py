"""Generate the files beside the models: schemas, examples, the AsyncAPI document and its page."""
