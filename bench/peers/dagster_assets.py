"""The project as dagster-dbt's documentation sets it up: one asset definition of all models, `dbt build`, events streamed."""

import os
from pathlib import Path

from dagster import AssetExecutionContext, Definitions
from dagster_dbt import DbtCliResource, dbt_assets

PROJECT = Path(os.environ["BENCH_PROJECT"])


@dbt_assets(manifest=PROJECT / "target" / "manifest.json")
def models(context: AssetExecutionContext, dbt: DbtCliResource):
    yield from dbt.cli(["build"], context=context).stream()


defs = Definitions(assets=[models], resources={"dbt": DbtCliResource(project_dir=str(PROJECT))})
