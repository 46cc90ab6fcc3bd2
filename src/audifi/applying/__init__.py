"""Make providers as the rendered artifacts say: find what is there, plan the difference, apply it.

Between: cli.plan, cli.apply and cli.drift (ask) and providers' public APIs; what is wanted comes from targets.
Invariant: nothing is changed that was not in a plan which somebody confirmed; no secret is printed.
"""
