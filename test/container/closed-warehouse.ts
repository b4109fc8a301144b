/** A profile of each adapter whose warehouse is a closed port of this machine: as far as an adapter comes without its database. */
import { generateKeyPairSync } from 'node:crypto'

export interface ClosedWarehouse {
  /** Output of the profile. */
  output: Record<string, unknown>
  /** Variables of the environment. */
  variables?: Record<string, string>
  /** Without `dbt debug`: the client repeats its one query for minutes. */
  buildOnly?: boolean
}

/** Adapters that speak to AWS get it from the environment. */
const AWS = (port: number) => ({
  AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_REGION: 'eu-central-1',
})

export const CLOSED: Record<string, (port: number) => ClosedWarehouse> = {
  // No port: a folder that is none.
  duckdb: () => ({ output: { path: '/dev/null/shop.duckdb' } }),
  postgres: port => ({
    output: { host: '127.0.0.1', port, user: 'shop', password: 'none', dbname: 'shop', schema: 'shop', connect_timeout: 5 },
  }),
  redshift: port => ({
    output: { host: '127.0.0.1', port, user: 'shop', password: 'none', dbname: 'shop', schema: 'shop', connect_timeout: 5 },
  }),
  snowflake: port => ({
    output: {
      account: 'shop',
      host: '127.0.0.1',
      port,
      protocol: 'http',
      user: 'shop',
      password: 'none',
      warehouse: 'shop',
      database: 'shop',
      schema: 'shop',
    },
  }),
  bigquery: port => ({
    buildOnly: true,
    output: {
      method: 'service-account-json',
      project: 'shop',
      dataset: 'shop',
      keyfile_json: {
        type: 'service_account',
        project_id: 'shop',
        private_key_id: 'none',
        private_key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
        client_email: 'shop@shop.iam.gserviceaccount.com',
        client_id: 'none',
        token_uri: `http://127.0.0.1:${port}/token`,
      },
    },
  }),
  athena: port => ({
    output: { s3_staging_dir: 's3://shop/', region_name: 'eu-central-1', database: 'awsdatacatalog', schema: 'shop' },
    variables: AWS(port),
  }),
  // Always at port 443; its client asks five minutes for the workspace before it believes that there is none.
  databricks: () => ({
    buildOnly: true,
    output: {
      host: '127.0.0.1',
      http_path: '/sql/1.0/warehouses/none',
      token: 'none',
      schema: 'shop',
      catalog: 'shop',
      connect_retries: 0,
      connection_parameters: { _retry_stop_after_attempts_count: 1, _socket_timeout: 5 },
    },
  }),
  clickhouse: port => ({
    output: { host: '127.0.0.1', port, user: 'shop', password: 'none', schema: 'shop', secure: false, connect_timeout: 5 },
  }),
  trino: port => ({
    output: { method: 'none', host: '127.0.0.1', port, http_scheme: 'http', user: 'shop', database: 'shop', schema: 'shop' },
  }),
}
