"""Mistakes in filon.yaml."""

from __future__ import annotations

from tests.unit.project.mistakes.shop import FILON, Mistake

IN_FILON_YAML = [
    *(
        Mistake(
            f"sources outside of the project: {place}",
            FILON,
            "timezone: Europe/Paris\n",
            f"timezone: Europe/Paris\ndefaults: {{sources: '{place}'}}\n",
            "filon.yaml:6",
            "leads out of the project's folder",
            "--sources, or FILON_SOURCES",
        )
        for place in ("/etc", "../other", "data/../../other", "file:///etc", "http://127.0.0.1/x")
    ),
    Mistake(
        "unknown key",
        FILON,
        "currency:",
        "curency:",
        "filon.yaml:4",
        "unknown key `curency`",
        "did you mean `currency`?",
    ),
    Mistake("unknown locale", FILON, "fr", "klingon", "filon.yaml:3", "no such locale", "change the value of `locale`"),
    Mistake(
        "unknown time zone",
        FILON,
        "Europe/Paris",
        "Europe/Lutece",
        "filon.yaml:5",
        "no such time zone; an example is Europe/Paris",
        "change the value of `timezone`",
    ),
    Mistake("bad currency", FILON, "EUR", "euro", "filon.yaml:4", "`currency` is 'euro'", "change the value"),
    Mistake("missing name", FILON, "name: shop\n", "", "filon.yaml:1", "`name` is missing", "add `name: …`"),
    Mistake(
        "bad name",
        FILON,
        "name: shop",
        "name: My Shop",
        "filon.yaml:1",
        "`name` is 'My Shop'",
        "change the value of `name`",
    ),
    Mistake(
        "wrong type",
        FILON,
        "title: A shop",
        "title: [A, shop]",
        "filon.yaml:2",
        "`title` is ['A', 'shop']",
        "change the value of `title`",
    ),
    Mistake(
        "unknown key in defaults",
        FILON,
        "title: A shop",
        "defaults:\n  source: data",
        "filon.yaml:3",
        "unknown key `defaults.source`",
        "did you mean `sources`?",
    ),
    Mistake(
        "key twice",
        FILON,
        "title: A shop",
        "title: A shop\ntitle: Another",
        "filon.yaml:3",
        "the key `title` stands twice",
        "keep one of the two",
    ),
    Mistake("no mapping", FILON, "", "- shop\n", "filon.yaml:1", "a mapping of keys to values is expected", "write"),
    Mistake(
        "syntax error",
        FILON,
        "title: A shop",
        'title: "A shop',
        "filon.yaml:6",
        "not valid YAML: found unexpected end of stream",
        "mend the indentation or quoting",
    ),
]
