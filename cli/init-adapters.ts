/** Profiles to begin with, one for each adapter that has an image. Values come by env_var(); secrets never stand in a file. */

interface AdapterStart {
  /** Lines of one output of profiles.yml, behind `type`. */
  output: string[]
  /** Environment variables without secrets, with a value to be filled in. PROJECT is the project's name. */
  variables: Record<string, string>
  /** Environment variable to the name of a secret in AWS Secrets Manager. */
  secrets: Record<string, string>
  /** dbt signs in as the task's role. */
  awsCredentials?: boolean
}

const env = (name: string) => `"{{ env_var('${name}') }}"`

export const ADAPTERS: Record<string, AdapterStart> = {
  athena: {
    output: [
      `s3_staging_dir: ${env('ATHENA_STAGING_DIR')}`,
      `region_name: ${env('ATHENA_REGION')}`,
      'database: awsdatacatalog',
      'schema: analytics',
      'threads: 8',
    ],
    variables: { ATHENA_STAGING_DIR: 's3://YOUR-BUCKET/athena/', ATHENA_REGION: 'eu-central-1' },
    secrets: {},
    awsCredentials: true,
  },
  bigquery: {
    output: [
      'method: service-account-json',
      `project: ${env('BIGQUERY_PROJECT')}`,
      'dataset: analytics',
      `keyfile_json: "{{ env_var('BIGQUERY_KEY') | as_native }}"`,
      'threads: 8',
    ],
    variables: { BIGQUERY_PROJECT: 'YOUR-PROJECT' },
    secrets: { BIGQUERY_KEY: 'prod/bigquery' },
  },
  clickhouse: {
    output: [
      `host: ${env('CLICKHOUSE_HOST')}`,
      'port: 8443',
      'secure: true',
      `user: ${env('CLICKHOUSE_USER')}`,
      `password: ${env('CLICKHOUSE_PASSWORD')}`,
      'schema: analytics',
      'threads: 4',
    ],
    variables: { CLICKHOUSE_HOST: 'YOUR-HOST', CLICKHOUSE_USER: 'dbt' },
    secrets: { CLICKHOUSE_PASSWORD: 'prod/clickhouse#password' },
  },
  databricks: {
    output: [
      `host: ${env('DATABRICKS_HOST')}`,
      `http_path: ${env('DATABRICKS_HTTP_PATH')}`,
      `token: ${env('DATABRICKS_TOKEN')}`,
      'schema: analytics',
      'threads: 8',
    ],
    variables: {
      DATABRICKS_HOST: 'YOUR-WORKSPACE.cloud.databricks.com',
      DATABRICKS_HTTP_PATH: '/sql/1.0/warehouses/YOUR-WAREHOUSE',
    },
    secrets: { DATABRICKS_TOKEN: 'prod/databricks' },
  },
  duckdb: {
    output: [`path: ${env('WAREHOUSE_PATH')}`, 'threads: 4'],
    variables: { WAREHOUSE_PATH: '/tmp/PROJECT.duckdb' },
    secrets: {},
  },
  postgres: {
    output: [
      `host: ${env('POSTGRES_HOST')}`,
      'port: 5432',
      `user: ${env('POSTGRES_USER')}`,
      `password: ${env('POSTGRES_PASSWORD')}`,
      `dbname: ${env('POSTGRES_DATABASE')}`,
      'schema: analytics',
      'threads: 4',
    ],
    variables: { POSTGRES_HOST: 'YOUR-HOST', POSTGRES_USER: 'dbt', POSTGRES_DATABASE: 'analytics' },
    secrets: { POSTGRES_PASSWORD: 'prod/postgres#password' },
  },
  redshift: {
    output: [
      `host: ${env('REDSHIFT_HOST')}`,
      'port: 5439',
      `user: ${env('REDSHIFT_USER')}`,
      `password: ${env('REDSHIFT_PASSWORD')}`,
      `dbname: ${env('REDSHIFT_DATABASE')}`,
      'schema: analytics',
      'threads: 4',
    ],
    variables: { REDSHIFT_HOST: 'YOUR-CLUSTER', REDSHIFT_USER: 'dbt', REDSHIFT_DATABASE: 'analytics' },
    secrets: { REDSHIFT_PASSWORD: 'prod/redshift#password' },
  },
  snowflake: {
    output: [
      `account: ${env('SNOWFLAKE_ACCOUNT')}`,
      `user: ${env('SNOWFLAKE_USER')}`,
      `password: ${env('SNOWFLAKE_PASSWORD')}`,
      'role: TRANSFORMER',
      'warehouse: TRANSFORMING',
      'database: ANALYTICS',
      'schema: ANALYTICS',
      'threads: 8',
    ],
    variables: { SNOWFLAKE_ACCOUNT: 'YOUR-ACCOUNT', SNOWFLAKE_USER: 'DBT' },
    secrets: { SNOWFLAKE_PASSWORD: 'prod/snowflake#password' },
  },
  trino: {
    output: [
      'method: ldap',
      `host: ${env('TRINO_HOST')}`,
      'port: 443',
      `user: ${env('TRINO_USER')}`,
      `password: ${env('TRINO_PASSWORD')}`,
      'database: analytics',
      'schema: analytics',
      'threads: 4',
    ],
    variables: { TRINO_HOST: 'YOUR-HOST', TRINO_USER: 'dbt' },
    secrets: { TRINO_PASSWORD: 'prod/trino#password' },
  },
}
