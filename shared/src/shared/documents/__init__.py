"""Documents that are issued: signed and read (``signed``, which clients have too), and shown (``rendering``)."""
