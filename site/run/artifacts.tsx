import { useState } from 'preact/hooks'
import { KEY } from '../../shared/contract.ts'
import type { RunRecord, StepResult } from '../../shared/run.ts'
import { type Fault, faultOf } from '../fault.ts'
import { Empty, FaultNote, Text } from '../words.tsx'
import { download, stepKey } from './artifact.ts'

interface File {
  key: string
  name: string
  /** In the folder of downloads, where files of many runs lie. */
  as: string
}

function filesOf(record: RunRecord, steps: StepResult[]): { title: string; files: File[] }[] {
  const last = record.attempts.length
  const groups = steps
    .filter(step => step.artifacts?.length)
    .map(step => ({
      title: `${step.index} ${step.name}`,
      files: [...new Set(step.artifacts)].map(name => ({
        key: `${stepKey(record, step.attempt ?? last, step)}${name}`,
        name,
        as: `${record.id}-${step.name}-${name}`,
      })),
    }))
  const own = [{ key: KEY.record(record), name: 'run.json', as: `${record.id}-run.json` }]
  const results = record.attempts.map(({ number }) => ({
    key: KEY.result(KEY.attempt(record, number)),
    name: record.attempts.length > 1 ? `result.json of attempt ${number}` : 'result.json',
    as: `${record.id}-${number}-result.json`,
  }))
  return [...groups, { title: 'Of the run', files: [...own, ...results] }]
}

export function Artifacts({ record, steps }: { record: RunRecord; steps: StepResult[] }) {
  const [busy, setBusy] = useState('')
  const [fault, setFault] = useState<Fault>()
  const groups = filesOf(record, steps)
  const fetchFile = async ({ key, as }: File) => {
    setBusy(key)
    setFault(undefined)
    await download(key, as).catch(error => setFault(faultOf(error)))
    setBusy('')
  }
  if (record.attempts.length === 0) return <Empty title="Nothing was started, so there are no artifacts." />
  return (
    <>
      {fault && <FaultNote fault={fault} />}
      {groups.map(({ title, files }) => (
        <section key={title}>
          <h2>
            <Text of={title} max={100} />
          </h2>
          <ul class="files">
            {files.map(file => (
              <li key={file.key}>
                <button type="button" disabled={busy === file.key} onClick={() => void fetchFile(file)}>
                  {busy === file.key ? 'Fetching …' : 'Download'} <span class="hidden">of {title}: </span>
                  <Text of={file.name} max={100} />
                </button>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </>
  )
}
