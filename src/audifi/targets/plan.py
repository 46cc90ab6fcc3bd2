"""Compare what is wanted with what was found, and say it so that a person can judge it.

    ~ setting ssl
        value: "full" → "strict"
    - pool audifi-production-api-eu-west-1

Between: targets (what is wanted), applying (what a provider has; carries changes out), cli.plan, cli.apply, cli.drift.
Shape: an `Item` is one thing with a body of plain JSON; kind and name say which two are the same thing. Who finds items
leaves out what the provider adds by itself (ids, versions, times, defaults), so that bodies can simply be equal.
Invariant: pure. Too many deletions are a ceiling that only a number moves: whoever allows them has counted them.
Errors: none; `refusal` says why a plan must not be applied.
Source: octoDNS 1.22 (MAX_SAFE_DELETE_PCENT 0.3) for the share.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast

DELETIONS_PERCENT_MAX: Final = 30
DELETIONS_MAX: Final = 10
PLACE: Final = re.compile(r"<([^<>:]+)>")
REFERENCE: Final = re.compile(r"<([a-z ]+):([^<>]+)>")
SHOWN_MAX: Final = 160  # characters of a value; --json has all of it


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One thing at a provider.

    A text in angle brackets is known only when the place exists (`<load balancer>`), or when the thing does that it
    refers to (`<pool:name>`: the provider gives ids).
    """

    kind: str
    name: str
    body: Mapping[str, Any]
    sources: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What makes two items the same thing."""
        return self.kind, self.name


class Action(StrEnum):
    """What happens to an item."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


SIGNS: Final[Mapping[Action, str]] = {Action.CREATE: "+", Action.UPDATE: "~", Action.DELETE: "-"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A field that is not as wanted; `found` or `wanted` is None where it is absent."""

    field: str
    found: object
    wanted: object


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What must happen to one item."""

    action: Action
    wanted: Item | None
    found: Item | None
    differences: tuple[Difference, ...] = ()

    @property
    def item(self) -> Item:
        """The item as it will be, or as it was if it goes."""
        item = self.wanted or self.found
        assert item is not None, "a change is about an item"
        return item


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Everything that must happen, in the order of what is wanted, deletions last."""

    changes: tuple[Change, ...]
    found_count: int
    unchanged_count: int

    @property
    def deletions(self) -> tuple[Change, ...]:
        """The changes that take something away."""
        return tuple(change for change in self.changes if change.action is Action.DELETE)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of places that the changes need and nobody has told."""
        texts = (text for change in self.changes if change.wanted for text in _texts(change.wanted.body))
        return tuple(dict.fromkeys(name for text in texts for name in PLACE.findall(text)))

    @property
    def fingerprint(self) -> str:
        """A word for exactly these changes: who confirms a plan confirms this one and no other."""
        return hashlib.sha256(json.dumps(plain(self), sort_keys=True).encode()).hexdigest()[:12]


def compare(wanted: Iterable[Item], found: Iterable[Item]) -> Plan:
    """What it takes to make what is found what is wanted."""
    there = {item.key: item for item in found}
    asked = list(wanted)
    changes = [change for item in asked if (change := _change(item, there.get(item.key)))]
    names = {item.key for item in asked}
    gone = [Change(action=Action.DELETE, wanted=None, found=item) for key, item in there.items() if key not in names]
    return Plan(changes=(*changes, *gone), found_count=len(there), unchanged_count=len(asked) - len(changes))


def filled(item: Item, places: Mapping[str, str]) -> Item:
    """The item with what is known about places put in; the rest stays in angle brackets."""

    def fill(value: object) -> object:
        match value:
            case str():
                return PLACE.sub(lambda match: places.get(match[1], match[0]), value)
            case dict():
                return {key: fill(inner) for key, inner in cast("dict[str, object]", value).items()}
            case list():
                return [fill(inner) for inner in cast("list[object]", value)]
            case _:
                return value

    body = cast("Mapping[str, Any]", fill(dict(item.body)))
    return Item(kind=item.kind, name=item.name, body=body, sources=item.sources)


def refusal(plan: Plan, *, deletions_allowed: int | None = None) -> str:
    """Why this plan must not be applied; empty if it may."""
    count = len(plan.deletions)
    allowed = deletions_allowed if deletions_allowed is not None else _deletions_max(plan.found_count)
    if count > allowed:
        return (
            f"it deletes {count} of {plan.found_count}, and {allowed} are allowed ({DELETIONS_PERCENT_MAX} %, at most "
            f"{DELETIONS_MAX}): read them, and if all are meant, allow so many: --allow-deletions {count}"
        )
    return ""


def _deletions_max(found_count: int) -> int:
    return min(DELETIONS_MAX, found_count * DELETIONS_PERCENT_MAX // 100)


def text(plan: Plan) -> str:
    """The plan as a person reads it."""
    lines: list[str] = []
    for change in plan.changes:
        lines.append(f"{SIGNS[change.action]} {change.item.kind} {change.item.name}")
        lines += [f"    {_line(difference)}" for difference in change.differences]
    return "\n".join([*lines, *([""] if lines else []), summary(plan)]) + "\n"


def summary(plan: Plan) -> str:
    """The plan in one line."""
    if not plan.changes:
        return f"Nothing to do: {plan.unchanged_count} as wanted."
    counts = [(sum(change.action is action for change in plan.changes), action) for action in Action]
    parts = ", ".join(f"{count} to {action}" for count, action in counts if count)
    number = len(plan.changes)
    return f"{number} change{'' if number == 1 else 's'}: {parts}; {plan.unchanged_count} as wanted."


def plain(plan: Plan) -> Mapping[str, object]:
    """The plan as JSON has it."""
    return {
        "changes": [
            {
                "action": str(change.action),
                "kind": change.item.kind,
                "name": change.item.name,
                "sources": list(change.item.sources),
                "differences": [
                    {"field": each.field, "found": each.found, "wanted": each.wanted} for each in change.differences
                ],
            }
            for change in plan.changes
        ],
        "found": plan.found_count,
        "unchanged": plan.unchanged_count,
    }


def _change(wanted: Item, found: Item | None) -> Change | None:
    differences = tuple(_differences("", dict(wanted.body), dict(found.body) if found else None))
    if found is None:
        return Change(action=Action.CREATE, wanted=wanted, found=None, differences=differences)
    if not differences:
        return None
    return Change(action=Action.UPDATE, wanted=wanted, found=found, differences=differences)


def _differences(field: str, wanted: object, found: object) -> Iterator[Difference]:
    """Every field that differs, named by its way down: action_parameters.edge_ttl.default."""
    left, right = _inside(wanted), _inside({} if found is None and _is_object(wanted) else found)
    if left is not None and right is not None and (_is_object(wanted) or left.keys() == right.keys()):
        for key in dict.fromkeys((*left, *right)):
            yield from _differences(f"{field}.{key}" if field else key, left.get(key), right.get(key))
    elif wanted != found:
        yield Difference(field=field, found=found, wanted=wanted)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _inside(value: object) -> Mapping[str, object] | None:
    """What is inside an object or a list, by name or place; None for everything else."""
    match value:
        case dict():
            return cast("dict[str, object]", value)
        case list():
            return {str(place): inner for place, inner in enumerate(cast("list[object]", value))}
        case _:
            return None


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in cast("dict[str, object]", value).values():
                yield from _texts(inner)
        case list():
            for inner in cast("list[object]", value):
                yield from _texts(inner)
        case _:
            return


def _line(difference: Difference) -> str:
    if difference.found is None:
        return f"{difference.field}: {_short(difference.wanted)}"
    if difference.wanted is None:
        return f"{difference.field}: {_short(difference.found)} → absent"
    return f"{difference.field}: {_short(difference.found)} → {_short(difference.wanted)}"


def _short(value: object) -> str:
    whole = json.dumps(value, ensure_ascii=False)
    return whole if len(whole) <= SHOWN_MAX else f"{whole[:SHOWN_MAX]}…"
