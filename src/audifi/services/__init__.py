"""The services of the platform: one package each, all of the same anatomy, none imports another.

Between: the gateway (requests), the queue (events) and each service's own schema.
Shape: __main__ app settings routes consumers rules store errors sql; app > routes | consumers > store > rules > errors.
"""
