"""The messages that cross the Kafka topics of the purchasing service, for those who write or read them."""
