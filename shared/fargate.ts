/** Sizes and prices of Fargate tasks. CPU in units (1024 = 1 vCPU), memory in MiB. */

/** Memory from, to and step in GB by vCPU. AWS: "Amazon ECS task definition parameters for Fargate", task size. */
const SIZES: { vcpu: number; gb: number[] }[] = [
  { vcpu: 0.25, gb: [0.5, 1, 2] },
  { vcpu: 0.5, gb: range(1, 4, 1) },
  { vcpu: 1, gb: range(2, 8, 1) },
  { vcpu: 2, gb: range(4, 16, 1) },
  { vcpu: 4, gb: range(8, 30, 1) },
  { vcpu: 8, gb: range(16, 60, 4) },
  { vcpu: 16, gb: range(32, 120, 8) },
]

function range(from: number, to: number, step: number): number[] {
  return Array.from({ length: (to - from) / step + 1 }, (_, i) => from + i * step)
}

/** Every vCPU count that exists. */
export const VCPUS: readonly number[] = SIZES.map(size => size.vcpu)

/** Memory (MiB) that exists with so many CPU units, ascending; empty when the CPU does not exist. */
export const memoriesOf = (cpu: number): number[] => SIZES.find(size => size.vcpu * 1024 === cpu)?.gb.map(gb => gb * 1024) ?? []

/**
 * The size for the attempt after one that ran out of memory: the next memory of the same CPU, at least half as much
 * again; past the largest, that of the next CPU. Undefined when there is no larger size.
 */
export function nextMemory(cpu: number, memory: number): { cpu: number; memory: number } | undefined {
  const wanted = memory * 1.5
  const largest = memoriesOf(cpu).at(-1) ?? 0
  if (memory < largest) return { cpu, memory: memoriesOf(cpu).find(each => each >= wanted) ?? largest }
  for (const vcpu of VCPUS.filter(each => each * 1024 > cpu)) {
    const larger = memoriesOf(vcpu * 1024).find(each => each >= wanted)
    if (larger !== undefined) return { cpu: vcpu * 1024, memory: larger }
  }
  const [end] = SIZES.slice(-1)
  const most = (end?.gb.at(-1) ?? 0) * 1024
  return most > memory ? { cpu: 16 * 1024, memory: most } : undefined
}

/** USD an hour, Linux, on-demand, us-east-1. AWS Fargate pricing page, read November 2026; other regions differ by up to a half. */
const PRICES = {
  x86_64: { vcpuHour: 0.04048, gbHour: 0.004445 },
  arm64: { vcpuHour: 0.03238, gbHour: 0.00356 },
  /** Ephemeral storage above the 20 GB that are included. */
  diskGbHour: 0.000111,
  /** One public IPv4 address. */
  publicIpHour: 0.005,
} as const

const INCLUDED_DISK_GB = 20
/** A task is billed by the second, from the pull of its image, for at least a minute. */
const LEAST_SECONDS = 60

export interface TaskUse {
  cpu: number
  memory: number
  architecture: 'arm64' | 'x86_64'
  seconds: number
  /** GB. */
  disk?: number
  publicIp?: boolean
}

/** On-demand price of a task in USD (Spot is about 70 % less and moves). */
export function taskCost(use: TaskUse): number {
  const hours = Math.max(use.seconds, LEAST_SECONDS) / 3600
  const price = PRICES[use.architecture]
  const disk = Math.max(0, (use.disk ?? INCLUDED_DISK_GB) - INCLUDED_DISK_GB) * PRICES.diskGbHour
  const address = use.publicIp ? PRICES.publicIpHour : 0
  return hours * ((use.cpu / 1024) * price.vcpuHour + (use.memory / 1024) * price.gbHour + disk + address)
}
