"""What a verb is made of: who may, what moves, what is remembered, told and set running."""
