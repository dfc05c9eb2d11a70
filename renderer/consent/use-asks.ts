/** The requests as a person meets them: what is shown is reported, and so is that somebody looks. */
import { useEffect, useState } from 'react';
import { z } from 'zod';
import type { AskQueueView, AskView, Denial, Span } from '../../preload/contract/consent.ts';
import { ceremonyStartedSchema } from '../../preload/contract/pages.ts';
import type { Line } from '../door/connection.ts';
import { type Attempt, useAct } from '../ui/use-act.ts';
import { isPaused } from './Pause.tsx';

const nothing = z.object({});
const snoozeMinutes = 15;

const useIsVisible = (): boolean => {
  const [isVisible, setVisible] = useState(document.visibilityState === 'visible');
  useEffect(() => {
    const look = (): void => setVisible(document.visibilityState === 'visible');
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, []);
  return isVisible;
};

/** A person who turns to the page ends the quiet: said when the window gets the focus. */
function useAttention(line: Line): void {
  useEffect(() => {
    const attend = (): void => void line.ask('/v1/attend', {}, nothing).catch(() => undefined); // the line itself shows that it is lost
    if (document.hasFocus()) attend();
    addEventListener('focus', attend);
    return () => removeEventListener('focus', attend);
  }, [line]);
}

export interface Asks {
  /** What to show now, if anything. */
  front: AskView | undefined;
  behind: number;
  isPaused: boolean;
  attempt: Attempt;
  approve: (span: Span) => void;
  deny: (reach: Denial) => void;
  snooze: () => void;
  look: () => void;
}

/** @param leave goes to the page on which a key is touched */
export function useAsks(line: Line, queue: AskQueueView, leave: (url: string) => void): Asks {
  const { attempt, run } = useAct();
  const isVisible = useIsVisible();
  useAttention(line);
  const paused = isPaused(queue);
  const front = paused ? undefined : queue.asks[0];
  const id = front?.id;
  const isUnshown = front?.answerableAt === null;

  useEffect(() => {
    // A hidden tab shows nothing to anybody.
    if (id !== undefined && isUnshown && isVisible) void line.ask('/v1/shown', { ask: id }, nothing).catch(() => undefined); // it may be over by now
  }, [line, id, isUnshown, isVisible]);

  const answer = (body: unknown): void => void run(() => line.ask('/v1/answer', body, nothing));
  return {
    front,
    behind: Math.max(0, queue.asks.length - 1),
    isPaused: paused,
    attempt,
    approve(span) {
      if (front?.approval === 'click') return answer({ verdict: 'approved', ask: id, span });
      void run(async () => leave((await line.ask('/v1/ceremony/begin', { kind: 'tap', ask: id, span }, ceremonyStartedSchema)).url));
    },
    deny: (reach) => answer({ verdict: 'denied', ask: id, reach }),
    snooze: () => void run(() => line.ask('/v1/snooze', { minutes: snoozeMinutes }, nothing)),
    look: () => void run(() => line.ask('/v1/attend', {}, nothing)),
  };
}
