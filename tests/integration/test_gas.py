"""The gas table in git is what the contracts cost."""

import pytest

from scripts import gas


@pytest.mark.anvil
def test_no_figure_has_moved(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """As `make gas ARGS=--check`: within 1 %."""
    monkeypatch.setattr("sys.argv", ["gas", "--check"])
    assert gas.main() == 0, capsys.readouterr().err
