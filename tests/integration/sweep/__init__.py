"""Asks every address of every service as everybody, and every verb in every state: one test, a world per service.

A new address is asked from its first day: until a world says what is to be read or done there, the tests fail.
"""
