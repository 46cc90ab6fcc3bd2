"""Stand in for Cloudflare's API: zones, records, settings, rulesets, lists, load balancing, origin certificates.

account (what exists) · answers (envelopes, refusals) · collection (five verbs of one kind) · records, settings,
rulesets, balancing, certificates (what is judged, by kind) · bodies (the SDK's types as strict checks) ·
expressions (the Rules language) · server (addresses). It proxies nothing: the edge of one machine is nginx.
"""
