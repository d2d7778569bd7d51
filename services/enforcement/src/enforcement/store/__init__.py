"""All SQL of enforcement, and the rows it reads and writes; and the bytes of evidence."""
