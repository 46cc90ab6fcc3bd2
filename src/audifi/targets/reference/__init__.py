"""Write the API's reference from the documents of its services: one OpenAPI for clients, one page per service.

Between: docs/openapi/<service>.json (what each service serves, held fresh by a test) and docs/openapi/audifi.json,
docs/reference/<service>.md.
"""
