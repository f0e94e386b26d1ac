"""The messages that cross the Kafka topics of the purchasing service, for everybody who writes or reads them."""
