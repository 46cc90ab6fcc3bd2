"""Give one kind of thing its five verbs: list, create, show, replace or edit, delete.

Between: server (adds the routes) and the modules that judge a body.
Shape: `Kind` says where its items are, what judges a body and what refuses a deletion.
Invariant: a body is judged before anything changes; an edit is judged as the whole it makes.
Errors: answers.Refused.
Source: developers.cloudflare.com/api/ (POST creates, PUT replaces, PATCH edits, DELETE answers {"id"}).
"""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from audifi.local.standins.cloudflare.account import Account, now, type_of_items
from audifi.local.standins.cloudflare.answers import Refused, body_of, done, page, type_of_item


def nothing_refused(_request: web.Request, _item: type_of_item) -> None:
    """Most kinds may always be deleted."""


@dataclass(frozen=True)
class Kind:
    """One kind of thing."""

    path: str
    items: Callable[[web.Request], type_of_items]
    judge: Callable[[web.Request, type_of_item, str], type_of_item]  # body, id → what will be shown
    may_go: Callable[[web.Request, type_of_item], None] = nothing_refused
    filters: tuple[str, ...] = ()  # fields that a list may be narrowed by
    created: int = 200


OWN_FIELDS = ("id", "created_on", "modified_on")


class Collection:
    """The routes of one kind."""

    def __init__(self, account: Account, kind: Kind) -> None:
        self._account, self._kind = account, kind

    def routes(self) -> list[web.RouteDef]:
        path, one = self._kind.path, f"{self._kind.path}/{{item}}"
        return [
            web.get(path, self._list),
            web.post(path, self._create),
            web.get(one, self._show),
            web.put(one, self._replace),
            web.patch(one, self._edit),
            web.delete(one, self._delete),
        ]

    def _found(self, request: web.Request) -> type_of_item:
        identifier = request.match_info["item"]
        items = self._kind.items(request)
        if identifier not in items:
            raise Refused(404, 1001, f"{self._kind.path.rpartition('/')[2]}: {identifier} is not found")
        return items[identifier]

    async def _list(self, request: web.Request) -> web.StreamResponse:
        wanted = {name: request.query[name] for name in self._kind.filters if name in request.query}
        items = self._kind.items(request).values()
        return page(
            [item for item in items if all(item.get(key) == value for key, value in wanted.items())], request.query
        )

    async def _create(self, request: web.Request) -> web.StreamResponse:
        identifier = self._account.new_id()
        made = self._kind.judge(request, await body_of(request), identifier)
        item = {"id": identifier, "created_on": now(), "modified_on": now(), **made}
        self._kind.items(request)[identifier] = item
        return done(item, status=self._kind.created)

    async def _show(self, request: web.Request) -> web.StreamResponse:
        return done(self._found(request))

    async def _replace(self, request: web.Request) -> web.StreamResponse:
        return self._changed(request, self._found(request), await body_of(request))

    async def _edit(self, request: web.Request) -> web.StreamResponse:
        found = self._found(request)
        kept = {key: value for key, value in found.items() if key not in OWN_FIELDS}
        return self._changed(request, found, {**kept, **await body_of(request)})

    def _changed(self, request: web.Request, found: type_of_item, body: type_of_item) -> web.Response:
        made = self._kind.judge(request, body, found["id"])
        item = {"id": found["id"], "created_on": found["created_on"], "modified_on": now(), **made}
        self._kind.items(request)[found["id"]] = item
        return done(item)

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        found = self._found(request)
        self._kind.may_go(request, found)
        del self._kind.items(request)[found["id"]]
        return done({"id": found["id"]})
