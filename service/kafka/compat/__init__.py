"""Everything that knows the insides of aiokafka and FastStream."""
