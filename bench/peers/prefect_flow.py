"""The project as prefect-dbt's documentation sets it up: a flow with PrefectDbtRunner, one Prefect task a node."""

import os
from pathlib import Path

from prefect import flow
from prefect_dbt import PrefectDbtRunner, PrefectDbtSettings


@flow
def build():
    settings = PrefectDbtSettings(
        project_dir=Path(os.environ["BENCH_PROJECT"]), profiles_dir=Path(os.environ["DBT_PROFILES_DIR"])
    )
    PrefectDbtRunner(settings=settings).invoke(["build"])


if __name__ == "__main__":
    build()
