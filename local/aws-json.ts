/**
 * Calls of AWS services that speak JSON 1.1 (ECS, EventBridge, CloudWatch Logs, Secrets Manager, Systems Manager) to the
 * emulator. It looks only at the shape of a signature, so no SDK is loaded: the process-backed ECS starts in 0.1 s.
 */
export interface Emulator {
  endpoint: string
  region: string
  accessKeyId: string
  secretAccessKey: string
}

/** An answer that is an error of the service; `code` without its namespace. */
export class AwsError extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

const TARGETS = {
  ecs: 'AmazonEC2ContainerServiceV20141113',
  events: 'AWSEvents',
  logs: 'Logs_20140328',
  secretsmanager: 'secretsmanager',
  ssm: 'AmazonSSM',
} as const

/** Headers that make the emulator take a request as one of this installation. */
export function signedHeaders({ region, accessKeyId }: Emulator, service: string): Record<string, string> {
  const time = `${new Date().toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`
  const scope = `${accessKeyId}/${time.slice(0, 8)}/${region}/${service}/aws4_request`
  return {
    'x-amz-date': time,
    authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`,
  }
}

/** One call; the answer is unparsed. Throws AwsError for an answer that is an error, TypeError without an answer. */
export async function callAws(
  emulator: Emulator,
  service: keyof typeof TARGETS,
  operation: string,
  input: object,
): Promise<unknown> {
  const response = await fetch(emulator.endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `${TARGETS[service]}.${operation}`,
      ...signedHeaders(emulator, service),
    },
    body: JSON.stringify(input),
    signal: AbortSignal.timeout(30_000),
  })
  const text = await response.text()
  const body = text === '' ? {} : (JSON.parse(text) as unknown)
  if (response.ok) return body
  const { __type = '', message, Message } = body as { __type?: string; message?: string; Message?: string }
  throw new AwsError(__type.split('#').at(-1) || `HTTP ${response.status}`, message ?? Message ?? text)
}
