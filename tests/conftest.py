"""Makes the real parts (PostgreSQL, a broker) available to every test."""

from tests.support.fixtures import broker, databases, fresh_broker, make_database, postgres, session_folder

__all__ = ["broker", "databases", "fresh_broker", "make_database", "postgres", "session_folder"]
