"""What people and programs send to a department and get from it: bodies and views, one module per service.

Pydantic and the contracts, nothing else: a client can use them without the runtime.
"""
