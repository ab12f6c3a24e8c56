"""What is told of Bath's forecasts is what its data give."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.skill import told
from pipelines.tables import REPOSITORY


@pytest.mark.slow
def test_requests_of_bath_are_forecast_as_the_documentation_says(real_data: Path) -> None:
    lines = told("Bath", REPOSITORY / "examples" / "bath", real_data, ("layers",))
    assert any(
        line.startswith(
            "  service_requests: Nothing forecasts this service better than the mean of its last four"
        )
        for line in lines
    )
    (lsoas,) = [line for line in lines if line.startswith("    lsoa, mean of last four")]
    within_50, within_90 = (float(value) for value in lsoas.split()[-2:])
    assert within_50 == pytest.approx(50, abs=3)
    assert within_90 == pytest.approx(90, abs=4)
