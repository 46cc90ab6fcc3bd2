"""Count what happened: views, sales, royalties, dividends, by master, artist, session and day.

Between: the queue (every domain event), clients (what people look at) and dashboards.
Shape: app > routes | consumers | loops > recording > store > rules > errors.
Invariant: totals are counted from events, each once; docs/analytics.md says how.
Source: domain.md 2.6.
"""
