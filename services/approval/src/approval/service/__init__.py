"""The verbs of approval. Each runs in the transaction that its door opened: authorise, move, remember why, tell."""
