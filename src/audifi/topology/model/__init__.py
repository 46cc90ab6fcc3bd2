"""The vocabulary of the topology: one file per noun, frozen keyword-only dataclasses.

compute (components, pods) · network (links, limits, zones) · data (stores, hash tags, backups, secrets) ·
edge (domains, DNS, TLS, headers, cache, WAF, CORS, front end) · providers (third parties, chains) ·
observe (telemetry, alert routes) · promise (what can be true or false) · whole (the Topology that holds them).
"""
