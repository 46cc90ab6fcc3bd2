"""Show the hosted pages: checkout with a Pay and a Decline button, and a portal that only says whose it is.

Between: server (serves them) and a person's browser, or a program that posts JSON.
Shape: GET /c/pay/{session}; POST it with action=pay|decline and be sent back to the shop, or with JSON
{"card": "4242424242424242"} and be told {"status", "payment_status"}.
Invariant: what is shown of the outside is escaped; the pages load nothing from anywhere.
"""

from html import escape
from typing import Final

from audifi.local.standins.stripe.records import Json

_FRAME: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui;max-width:26rem;margin:10vh auto;padding:0 1rem}}
button{{font:inherit;padding:.6rem 1.2rem;margin:.3rem .3rem .3rem 0}} .note{{color:#666}}</style>
<body>{body}</body></html>"""


def checkout(session: Json, note: str = "") -> str:
    """The page somebody pays on."""
    amount = f"{session['amount_total'] / 100:.2f} {session['currency'].upper()}"
    told = f'<p role="alert">{escape(note)}</p>' if note else ""
    body = f"""<h1>Pay {escape(amount)}</h1>{told}
<form method="post"><button name="action" value="pay">Pay</button>
<button name="action" value="decline">Decline</button></form>
<p><a href="{escape(session["cancel_url"] or "#")}">Back</a></p>
<p class="note">A stand-in of Stripe's checkout: no card, no money.</p>"""
    return _FRAME.format(title="Checkout", body=body)


def closed(session: Json) -> str:
    """What is left of a session nobody can pay any more."""
    return _FRAME.format(title="Checkout", body=f"<h1>This checkout is {escape(session['status'])}.</h1>")


def portal(session: Json) -> str:
    back = escape(session["return_url"] or "#")
    body = f'<h1>Billing of {escape(session["customer"])}</h1><p><a href="{back}">Back</a></p>'
    return _FRAME.format(title="Billing", body=body)


def back(session: Json) -> str:
    """Where a paid session sends the browser."""
    return session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])
