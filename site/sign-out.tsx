/** Hosted: the end of a sign-in, and what is seen by somebody who may not look. */
import type { Fault } from './fault.ts'
import { HREF } from './route.ts'
import { signInAddress, signOut } from './server.ts'
import { FaultNote } from './words.tsx'

export const SignOut = ({ path }: { path: string }) => (
  <button type="button" class="quiet" onClick={() => signOut(path)}>
    Sign out
  </button>
)

export const SignedOut = () => (
  <main class="alone">
    <h1>You are signed out</h1>
    <p>Of the pages and of dbt’s docs, in all tabs of this browser.</p>
    <p>
      <a href={HREF.runs()}>Sign in again</a>
    </p>
  </main>
)

/** In place of all pages: the server does not say who is looking, or that they may not. */
export const Refused = ({ fault, retry }: { fault: Fault; retry(): void }) => (
  <main class="alone">
    <h1>Tidemill</h1>
    <FaultNote fault={fault} {...(!fault.signIn && { retry })} />
    {fault.signIn && (
      <div class="deeds">
        <a class="button" href={signInAddress(fault.signIn)}>
          Sign in again
        </a>
        {fault.signOut && <SignOut path={fault.signOut} />}
      </div>
    )}
  </main>
)
