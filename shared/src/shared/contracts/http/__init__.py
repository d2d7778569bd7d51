"""The bodies and views of each role over HTTP: pydantic only, shared by servers and clients."""
