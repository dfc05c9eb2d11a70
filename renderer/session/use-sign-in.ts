/** Signing in to one profile. The provider's own pages open beside this one, which stays. */
import { useEffect } from 'react';
import type { Line } from '../door/connection.ts';
import type { Host } from '../door/host.ts';
import { useWayOut, type WayOut } from '../door/use-way-out.ts';
import { type Attempt, useAct } from '../ui/use-act.ts';

export interface SignIn {
  attempt: Attempt;
  /** Where the sign-in goes on, or where to go by hand. */
  way: WayOut;
  begin: () => void;
  cancel: () => void;
}

/** @param isWaiting a sign-in waits in the browser, whoever began it */
export function useSignIn(line: Line, host: Host, profile: string, isWaiting: boolean): SignIn {
  const { attempt, run } = useAct();
  const { way, open, forget } = useWayOut(host, profile);
  // What was shown is over once nothing waits any more.
  useEffect(() => (isWaiting ? forget : undefined), [isWaiting]);
  return {
    attempt,
    way: way.at === 'none' && isWaiting ? { at: 'browser' } : way,
    begin: () => void run(async () => open((await line.ask('sign-in', { profile })).url)),
    cancel() {
      forget();
      void run(() => line.ask('sign-in/cancel', { profile }));
    },
  };
}
