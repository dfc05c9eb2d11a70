/** An act of the person as one value: not begun, under way, or failed with a reason. */
import { useState } from 'react';
import type { Failure } from '../../preload/contract/failure.ts';
import { failureOf } from '../door/call.ts';

export type Attempt = { phase: 'idle' } | { phase: 'running' } | { phase: 'failed'; failure: Failure };

/** `run` never rejects: what goes wrong is in the attempt. It resolves true when the act was done. */
export function useAct(): { attempt: Attempt; run: (act: () => Promise<unknown>) => Promise<boolean> } {
  const [attempt, setAttempt] = useState<Attempt>({ phase: 'idle' });
  const run = async (act: () => Promise<unknown>): Promise<boolean> => {
    setAttempt({ phase: 'running' });
    try {
      await act();
      setAttempt({ phase: 'idle' });
      return true;
    } catch (error) {
      setAttempt({ phase: 'failed', failure: failureOf(error) });
      return false;
    }
  };
  return { attempt, run };
}
