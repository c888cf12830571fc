"""One hostile input for a seed and a number: the same on every machine, and on its own."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from tests.hostile import wild
from tests.hostile.bombs import BOMBS
from tests.hostile.bytewise import BYTEWISE
from tests.hostile.envelopes import ENVELOPES, key, structured
from tests.hostile.orders import Headers, Sample, Step, samples


@dataclass(frozen=True, slots=True)
class Input:
    """A record that somebody publishes to the intake. Its repr makes it again."""

    attack: str
    key: bytes | None
    value: bytes | None
    headers: Headers


def hostile_input(seed: int, number: int) -> Input:
    """The input with this number under this seed."""
    random = Random(f"{seed}/{number}")
    sample = random.choice(samples())
    attack: Callable[[Random, Sample], Input] = random.choices(_ATTACKS, _WEIGHTS)[0]
    made = attack(random, sample)
    if random.random() < 0.1:
        made = _with_envelope(random, made)
    return made if random.random() < 0.8 else replace(made, key=key(random))


def _tree(random: Random, sample: Sample) -> Input:
    """Other values, names and shapes where an order has its own."""
    tree: Any = sample.tree
    done = []
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        change = random.choice(_CHANGES)
        tree = _changed(tree, random.choice(sample.paths), change, random)
        done.append(change.__name__.strip("_"))
    if random.random() < 0.3 and isinstance(tree, dict):
        tree = _adding_up(tree)
    return _input("tree: " + ", ".join(done), sample, _written(random, tree))


def _text(random: Random, sample: Sample) -> Input:
    """JSON that one parser reads in this way and the next one in that."""
    text = sample.value.decode()
    name = random.choice(list(sample.tree))
    known = f'"{name}":'
    other = _written(random, {name: wild.value(random)})[1:-1].decode(errors="surrogatepass")
    match random.randrange(6):
        case 0:
            text, attack = text[:-1] + "," + other + "}", "a name twice, the other last"
        case 1:
            text, attack = "{" + other + "," + text[1:], "a name twice, the other first"
        case 2:
            text, attack = text.replace(known, f'"{_escaped(name)}":', 1), "a name in escapes"
        case 3:
            text, attack = text.replace(known, f"{random.choice(wild.TEXTS)}{known}", 1), "rubbish before a name"
        case 4:
            text, attack = text.replace(",", random.choice((",,", ";", ", ", ",\r\n", ",/**/", " ")), 3), "commas"
        case _:
            text, attack = text.replace('"', random.choice(("'", "\u201c", '\\"', "`", '""')), 2), "quotes"
    return _input(f"text: {attack}", sample, text.encode(errors="surrogatepass"))


def _bytewise(random: Random, sample: Sample) -> Input:
    name, change = random.choice(BYTEWISE)
    value = sample.value
    for _ in range(random.choice((1, 1, 2, 8))):
        value = change(random, value)
    return _input(f"bytes: {name}", sample, value)


def _envelope(random: Random, sample: Sample) -> Input:
    return _with_envelope(random, _input("envelope", sample, sample.value))


def _structured(random: Random, sample: Sample) -> Input:
    inner = _tree(random, sample) if random.random() < 0.5 else _text(random, sample)
    value, headers = structured(random, sample, inner.value or b"")
    return Input(f"structured, {inner.attack}", sample.key, value, headers)


def _bomb(random: Random, sample: Sample) -> Input:
    name, make = random.choice(BOMBS)
    size = random.choices((300, 3_000, 30_000, 300_000, 1_048_000, 1_049_000), (600, 300, 88, 8, 2, 2))[0]
    return _input(f"bomb: {name} of {size}", sample, make(random, sample, size))


def _good(random: Random, sample: Sample) -> Input:
    """A good one again, as it was: the same order comes twice."""
    return _input("again", sample, sample.value)


_ATTACKS = (_tree, _text, _bytewise, _envelope, _structured, _bomb, _good)
_WEIGHTS = (38, 12, 18, 14, 12, 5, 1)


def _with_envelope(random: Random, made: Input) -> Input:
    headers, done = made.headers, []
    for _ in range(random.choice((1, 1, 2, 3))):
        name, change = random.choice(ENVELOPES)
        headers = change(random, headers)
        done.append(name)
    return replace(made, attack=f"{made.attack}; {', '.join(done)}", headers=headers)


def _input(attack: str, sample: Sample, value: bytes | None) -> Input:
    return Input(attack, sample.key, value, sample.headers)


def _changed(node: Any, way: tuple[Step, ...], change: "_Change", random: Random) -> Any:
    """The tree with a change at the end of a way, as far as the way still exists; the tree itself stays."""
    step, rest = way[0], way[1:]
    there = step in node if isinstance(node, dict) else isinstance(node, list) and step in range(len(node))
    if not there:
        return node
    copy = node.copy()
    if rest:
        copy[step] = _changed(copy[step], rest, change, random)
    else:
        change(copy, step, random)
    return copy


_Change = Callable[[Any, Any, Random], None]


def _replaced(parent: Any, step: Any, random: Random) -> None:
    parent[step] = wild.value(random)


def _dropped(parent: Any, step: Any, random: Random) -> None:
    del parent[step]


def _renamed(parent: Any, step: Any, random: Random) -> None:
    if isinstance(parent, dict):
        parent[random.choice(wild.NAMES)] = parent.pop(step)


def _added(parent: Any, step: Any, random: Random) -> None:
    if isinstance(parent, dict):
        parent[random.choice((*wild.NAMES, wild.text(random)))] = wild.value(random)
    else:
        parent.append(wild.value(random))


def _wrapped(parent: Any, step: Any, random: Random) -> None:
    parent[step] = random.choice(([parent[step]], {"value": parent[step]}, str(parent[step])))


def _doubled(parent: Any, step: Any, random: Random) -> None:
    if isinstance(parent, list):
        parent.append(parent[step])
    elif isinstance(parent[step], str):
        parent[step] *= random.choice((2, 50, 500))
    elif isinstance(parent[step], int):
        parent[step] *= random.choice((-1, 2, 10, 10**6, 10**12))


_CHANGES: tuple[_Change, ...] = (_replaced, _replaced, _replaced, _dropped, _renamed, _added, _wrapped, _doubled)


def _adding_up(tree: dict[str, Any]) -> dict[str, Any]:
    """The total that the lines have by now, so that a strange order is not refused for its sum alone."""

    def number(node: Any, name: str) -> Any:
        value = node.get(name, 0) if isinstance(node, dict) else 0
        return value if isinstance(value, int) else 0

    lines = tree.get("lines")
    total = sum(
        number(line, "quantity") * number(line, "unit_price") - number(line, "discount") + number(line, "tax")
        for line in (lines if isinstance(lines, list) else ())
    )
    total += number(tree, "shipping_charge") + number(tree, "tax") - number(tree, "order_discount")
    return {**tree, "total": total} if abs(total) < 10**4_000 else tree


_RAW = re.compile(r'"\\u0001raw:([^"]*)"')


def _written(random: Random, tree: Any) -> bytes:
    whole = json.dumps(tree, ensure_ascii=random.random() < 0.5, separators=(",", ":"))
    return _RAW.sub(r"\1", whole).encode(errors="surrogatepass")


def _escaped(name: str) -> str:
    return "".join(f"\\u{ord(letter):04x}" for letter in name)
