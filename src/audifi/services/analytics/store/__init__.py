"""Run analytics-service's SQL: one module per noun, each function on the connection it is given.

Between: recording, routes, loops and PostgreSQL, schema `analytics`, through PgBouncer.
Invariant: numeric columns are Decimal outside and int inside; no transaction is opened here.
"""
