"""The image of a project, as the API gives it."""

from __future__ import annotations

from pathlib import Path

from filon.api.project import LARGEST_LOGO, logo_of


def test_the_image_of_a_project_is_left_out_when_it_is_too_large(tmp_path: Path) -> None:
    assert logo_of(tmp_path) is None
    (tmp_path / "logo.png").write_bytes(b"\x89PNG" + b"0" * LARGEST_LOGO)
    assert logo_of(tmp_path) is None
    (tmp_path / "logo.png").write_bytes(b"\x89PNG")
    assert logo_of(tmp_path) == "data:image/png;base64,iVBORw=="
