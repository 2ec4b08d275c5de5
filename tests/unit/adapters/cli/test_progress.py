"""The progress bar: on stderr, and only where somebody sees it."""

from __future__ import annotations

import pytest

from orchestrion.adapters.cli.progress import progress_bar


def test_nothing_is_told_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("run", is_shown=False) as tell:
        assert tell is None
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_bar_goes_to_stderr(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress_bar("[three]", is_shown=True) as tell:
        assert tell is not None
        tell(1, None)
        for done in range(2, 11):
            tell(done, 10)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "[three]" in captured.err
    assert "10/10" in captured.err
