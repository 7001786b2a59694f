# Downloads, each verified by checksum. Laptop scale needs none.
