"""Make Cloudflare's zone what is rendered, by the official SDK: find what is there, plan, carry out.

    things   lists, monitors, pools, load balancers, origin certificates: made, replaced and deleted one by one
    zone     settings, bots and rules; the plan and its order

Between: targets.cloudflare (what is wanted), targets.plan (the difference), applying.provider (the contract).
"""

from audifi.applying.cloudflare.zone import connected

__all__ = ["connected"]
