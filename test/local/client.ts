import type { Emulator } from '../../local/aws-json.ts'

/** For SDK clients of the cloud on this machine; the path style is for that of S3. */
export const clientOptions = ({ endpoint, region, accessKeyId, secretAccessKey }: Emulator) => ({
  endpoint,
  region,
  credentials: { accessKeyId, secretAccessKey },
  forcePathStyle: true,
})
