"""The broker port on Apache Kafka: FastStream in, aiokafka out."""
