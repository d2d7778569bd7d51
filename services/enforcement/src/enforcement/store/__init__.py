"""All SQL of enforcement, one file per thing kept, and the files that hold evidence."""
