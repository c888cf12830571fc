"""Dividing amounts so that the parts always add up (largest remainder method, Hare quota)."""

from collections.abc import Sequence


def apportion(amount: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Divide `amount` minor units in proportion to `weights`; the parts add up to `amount` exactly.

    What the rounding leaves goes to the largest remainders, ties to the earlier place. Weights that are all
    zero count as equal.

    Raises:
        ValueError: no weights, or a negative weight or amount.
    """
    if not weights or amount < 0 or min(weights) < 0:
        raise ValueError("an amount is apportioned over one or more weights, none of them negative")
    total = sum(weights)
    if total == 0:
        weights, total = [1] * len(weights), len(weights)
    parts = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: (-(amount * weights[place] % total), place))
    for place in by_remainder[: amount - sum(parts)]:
        parts[place] += 1
    return tuple(parts)


def value_of_units(value: int, quantity: int, first: int, last: int) -> int:
    """The value of units `first` (from 0) up to but not including `last`, of a line of `quantity` units.

    Each unit's value is frozen: the first `value % quantity` units carry one minor unit more. Any way of
    cutting a line into ranges therefore adds up to its value.

    Raises:
        ValueError: the range does not lie within the line.
    """
    if not 0 <= first <= last <= quantity or quantity == 0:
        raise ValueError(f"units {first} to {last} do not lie within a line of {quantity}")
    each, dearer = divmod(value, quantity)
    return each * (last - first) + max(0, min(last, dearer) - min(first, dearer))
