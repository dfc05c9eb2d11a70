/** Signing in and out of one profile. The provider's own pages open in a tab of their own; this one stays. */
import { useState } from 'react';
import type { Line } from '../door/connection.ts';
import { type Attempt, useAct } from '../ui/use-act.ts';

export interface SignIn {
  attempt: Attempt;
  /** Where to go by hand: the browser kept our tab from opening. */
  blockedUrl: string | null;
  begin: () => void;
  cancel: () => void;
  signOut: () => void;
}

/** @param openTab false where the browser did not allow it */
export function useSignIn(line: Line, profile: string, openTab: (url: string) => boolean): SignIn {
  const { attempt, run } = useAct();
  const [blockedUrl, setBlockedUrl] = useState<string | null>(null);
  return {
    attempt,
    blockedUrl,
    begin() {
      void run(async () => {
        const { url } = await line.ask('sign-in', { profile });
        setBlockedUrl(url === null || openTab(url) ? null : url);
      });
    },
    cancel() {
      setBlockedUrl(null);
      void run(() => line.ask('sign-in/cancel', { profile }));
    },
    signOut: () => void run(() => line.ask('sign-out', { profile })),
  };
}
