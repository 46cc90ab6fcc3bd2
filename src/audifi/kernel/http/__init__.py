"""Offer what a service's `routes.py` needs, from one import: `from audifi.kernel.http import Operation, Call, Body`.

Between: services (declare a table of Operations) and Starlette (runs it).
Shape: operation (what a route is) · call (what a handler sees) · decode (bytes to values) · admit (who may) ·
pipeline (one request, step by step) · application (the ASGI object) · openapi (the same table as a document).
"""

from audifi.kernel.http.application import Application, application
from audifi.kernel.http.call import Call
from audifi.kernel.http.kernel import Kernel
from audifi.kernel.http.openapi import openapi
from audifi.kernel.http.operation import Access, Body, Operation, Page, Paging, Reply, StepUp, Streamed, Timestamp

__all__ = [
    "Access",
    "Application",
    "Body",
    "Call",
    "Kernel",
    "Operation",
    "Page",
    "Paging",
    "Reply",
    "StepUp",
    "Streamed",
    "Timestamp",
    "application",
    "openapi",
]
