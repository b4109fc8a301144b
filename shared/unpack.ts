/** Text that may be gzip-compressed: whoever stored or served it may have undone the compression. Runs in browsers as well. */
export async function unpackText(bytes: Uint8Array<ArrayBuffer>, most = Number.POSITIVE_INFINITY): Promise<string> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return new TextDecoder().decode(bytes)
  const left = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, control) {
      most -= chunk.length
      if (most < 0) control.error(new Error('it unpacks to more than was expected'))
      else control.enqueue(chunk)
    },
  })
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip')).pipeThrough(left)).text()
}
