"""Read and write the worker's own rows: one module per noun.

Between: consumers, settled, indexer, postman, announcing, console and PostgreSQL (schema `worker`).
"""
