/** Beginning a sign-in from the first run: it goes on in the browser, and this page waits for the state to say so. */
import type { Line } from '../door/connection.ts';
import type { Host } from '../door/host.ts';
import { useWayOut, type Way } from '../door/use-way-out.ts';
import { type Attempt, useAct } from '../ui/use-act.ts';

export interface BeginSignIn {
  attempt: Attempt;
  way: Way;
  begin: (profile: string) => void;
  cancel: (profile: string) => void;
}

/** @param since what a sign-in is going to change */
export function useBeginSignIn(line: Line, host: Host, since: string): BeginSignIn {
  const { attempt, run } = useAct();
  const way = useWayOut(host, since);
  return {
    attempt,
    way,
    begin: (profile) => void run(async () => way.open((await line.ask('sign-in', { profile })).url)),
    cancel(profile) {
      way.forget();
      void run(() => line.ask('sign-in/cancel', { profile }));
    },
  };
}
