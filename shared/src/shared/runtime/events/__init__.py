"""Kafka: facts out of the outbox, facts of others in."""
