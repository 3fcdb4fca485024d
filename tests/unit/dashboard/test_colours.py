"""Colours are told apart, by everybody, on light and on dark pages."""

from __future__ import annotations

from itertools import combinations

import pytest

from filon.dashboard.colours import BAD, DARK_PAGE, GOOD, LIGHT_PAGE, SERIES, WARNING, colours_of, tint

# Machado, Oliveira and Fernandes (2009): what linear RGB becomes for eyes without one kind of cone
EYES = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
}
LEAST_DISTANCE = 0.06


def _linear(colour: str) -> tuple[float, ...]:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return tuple(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)


def _luminance(colour: str) -> float:
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), _linear(colour), strict=True))


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _times(matrix: tuple[tuple[float, ...], ...], vector: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def _oklab(linear: tuple[float, ...]) -> tuple[float, ...]:
    cones = _times(
        (
            (0.4122214708, 0.5363325363, 0.0514459929),
            (0.2119034982, 0.6806995451, 0.1073969566),
            (0.0883024619, 0.2817188376, 0.6299787005),
        ),
        tuple(max(part, 0) for part in linear),
    )
    return _times(
        (
            (0.2104542553, 0.7936177850, -0.0040720468),
            (1.9779984951, -2.4285922050, 0.4505937099),
            (0.0259040371, 0.7827717662, -0.8086757660),
        ),
        tuple(max(part, 0) ** (1 / 3) for part in cones),
    )


@pytest.mark.parametrize("colour", [*SERIES, GOOD, WARNING, BAD])
@pytest.mark.parametrize("page", [LIGHT_PAGE, DARK_PAGE])
def test_each_colour_stands_out_from_the_page(colour: str, page: str) -> None:
    assert _contrast(colour, page) >= 3


@pytest.mark.parametrize("eyes", list(EYES))
def test_no_two_colours_look_alike(eyes: str) -> None:
    seen = {colour: _oklab(_times(EYES[eyes], _linear(colour))) for colour in SERIES}
    for one, other in combinations(SERIES, 2):
        distance = sum((a - b) ** 2 for a, b in zip(seen[one], seen[other], strict=True)) ** 0.5
        assert distance >= LEAST_DISTANCE, (one, other)


def test_a_value_has_one_colour_whatever_is_shown_beside_it() -> None:
    assert colours_of(["UK", "France"]) == colours_of(["France", "UK", "UK"])
    many = [f"p{index:03}" for index in range(25)]
    assert set(colours_of(many).values()) == set(SERIES)


def test_tints_are_the_colour_and_a_strength() -> None:
    assert tint("#2d69d2", 0.4) == "rgba(45,105,210,0.4)"
