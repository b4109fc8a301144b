"""The project as Cosmos' documentation recommends for speed: from a manifest, dbt called as a library, one Airflow task a node."""

import os
from datetime import datetime
from pathlib import Path

from cosmos import DbtDag, ExecutionConfig, LoadMode, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import ExecutionMode, InvocationMode

PROJECT = Path(os.environ["BENCH_PROJECT"])

bench = DbtDag(
    dag_id="bench",
    start_date=datetime(2026, 1, 1),
    schedule=None,
    project_config=ProjectConfig(
        dbt_project_path=PROJECT, manifest_path=PROJECT / "target" / "manifest.json", project_name="bench"
    ),
    profile_config=ProfileConfig(
        profile_name="bench", target_name="prod", profiles_yml_filepath=Path(os.environ["DBT_PROFILES_DIR"]) / "profiles.yml"
    ),
    execution_config=ExecutionConfig(
        execution_mode=ExecutionMode.LOCAL, invocation_mode=InvocationMode.DBT_RUNNER
    ),
    render_config=RenderConfig(load_method=LoadMode.DBT_MANIFEST),
)
