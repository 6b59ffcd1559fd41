// The sign-in: a user of the ACL and its password.

import { useEffect, useRef, useState } from 'preact/hooks'
import { post, Refusal } from '../data/api.ts'
import type { SignedIn } from './broker.ts'

export function SignIn({ note, onSignedIn }: { note: string; onSignedIn: (session: SignedIn) => void }) {
  const [user, setUser] = useState('default')
  const [password, setPassword] = useState('')
  const [reason, setReason] = useState(note)
  const [isAsking, setAsking] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    document.title = 'Sign in · Respite'
    field.current?.focus()
  }, [])
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    setAsking(true)
    try {
      onSignedIn(await post<SignedIn>('session', { user, password }))
    } catch (error) {
      setReason(error instanceof Refusal ? error.message : String(error))
      setPassword('')
      setAsking(false)
      field.current?.focus()
    }
  }
  return (
    <main class="sign-in">
      <form onSubmit={(event) => void submit(event)}>
        <h1>Respite</h1>
        <p class="quiet">Sign in as a user of this broker. You may do here what that user may do.</p>
        <label class="field">
          <span>User</span>
          <input
            name="user"
            value={user}
            autocomplete="username"
            spellcheck={false}
            onInput={({ currentTarget }) => setUser(currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>Password</span>
          <input
            ref={field}
            name="password"
            type="password"
            value={password}
            autocomplete="current-password"
            onInput={({ currentTarget }) => setPassword(currentTarget.value)}
          />
        </label>
        <p class="refusal" role="alert">
          {reason}
        </p>
        <p class="actions">
          <button type="submit" class="main" disabled={isAsking}>
            {isAsking ? 'Signing in …' : 'Sign in'}
          </button>
        </p>
      </form>
    </main>
  )
}
