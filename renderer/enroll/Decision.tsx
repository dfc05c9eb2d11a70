/** What comes of saying yes to joining or leaving: it is done, or a touch of a key is asked for first. */
import { useEffect, useState } from 'react';
import type { EnrollOutcome } from '../../preload/contract/enroll.ts';
import type { Host } from '../door/host.ts';
import { useWayOut, type WayOut } from '../door/use-way-out.ts';
import { WayOutNotice } from '../door/WayOutNotice.tsx';
import { texts } from '../texts.ts';
import { Progress } from '../ui/Progress.tsx';
import { type Attempt, useAct } from '../ui/use-act.ts';

export interface Decision {
  attempt: Attempt;
  way: WayOut;
  /** A request waits for the touch, where requests are answered. */
  isAsked: boolean;
  /** `onDone`: nothing more is asked for. */
  decide: (act: () => Promise<EnrollOutcome>, onDone?: () => void) => void;
  forget: () => void;
}

/** @param since what the decision is going to change, as text */
export function useDecision(host: Host, since: string): Decision {
  const { attempt, run } = useAct();
  const { way, leave, forget } = useWayOut(host, since);
  const [isAsked, setAsked] = useState(false);
  useEffect(() => setAsked(false), [since]);
  return {
    attempt,
    way,
    isAsked,
    decide: (act, onDone) =>
      void run(async () => {
        const { done, url } = await act();
        setAsked(!done && url === null);
        if (done) onDone?.();
        else if (url !== null) leave(url);
      }),
    forget,
  };
}

interface DecidedProps {
  decision: Decision;
  host: Host;
  /** What the touch is for. */
  text: string;
  /** A request waits for the person; one that was denied or withdrawn is no longer waited for. */
  isWaiting: boolean;
}

export function Decided({ decision, host, text, isWaiting }: DecidedProps) {
  if (decision.isAsked) return isWaiting ? <Progress label={text} /> : null;
  return <WayOutNotice way={decision.way} host={host} text={text} cancel={texts.wayOut.back} onCancel={decision.forget} />;
}
