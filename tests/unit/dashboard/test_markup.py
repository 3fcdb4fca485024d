"""Words of the data are shown as they are."""

from __future__ import annotations

import pytest

from filon.dashboard.markup import JOINER, labels, literal, plain


@pytest.mark.parametrize("mark", ["**b**", "[x](http://y)", "`c`", "$x$", "# t", "- a", "<b>", "~s~", "| a |", "a_b_c"])
def test_every_mark_of_markdown_is_escaped(mark: str) -> None:
    assert plain(mark).replace("\\", "").replace(JOINER, "") == mark
    assert plain(mark) != mark


def test_icons_and_colours_are_not_found_and_sentences_stay() -> None:
    assert plain(":red[x]") == f"\\:{JOINER}red\\[x\\]"
    assert plain("Note : deux mots, l'été") == "Note \\: deux mots, l'été"
    assert plain("    code\n  text") == "code\ntext"


def test_html_of_plotly_is_escaped_and_labels_have_one_line() -> None:
    assert literal("<b>a</b> & b\nc") == "&lt;b&gt;a&lt;/b&gt; &amp; b c"


def test_labels_are_short_and_stay_different() -> None:
    long = "A name that is much longer than its bar "
    shortened = labels([f"{long} 1", f"{long} 2", f"{long} 1", "<i>"])
    assert shortened[0] == shortened[2] != shortened[1]
    assert shortened[1].endswith("… (2)")
    assert shortened[3] == "&lt;i&gt;"
