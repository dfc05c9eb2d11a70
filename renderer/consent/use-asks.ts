/** The requests as a person meets them: what is shown is reported, and so is that somebody looks. */
import { useEffect, useState } from 'react';
import type { AskQueueView, AskView, Denial, Span } from '../../preload/contract/consent.ts';
import type { UiInput } from '../../preload/contract/ui.ts';
import type { Line } from '../door/connection.ts';
import type { Host } from '../door/host.ts';
import { useWayOut, type WayOut } from '../door/use-way-out.ts';
import { type Attempt, useAct } from '../ui/use-act.ts';
import { isPaused } from './Pause.tsx';

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
export function useAttention(line: Pick<Line, 'ask'>): void {
  useEffect(() => {
    const attend = (): void => void line.ask('attend', {}).catch(() => undefined); // the line itself shows that it is lost
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
  /** Where the key is touched that approves. */
  way: WayOut;
  approve: (span: Span) => void;
  deny: (reach: Denial) => void;
  snooze: () => void;
  look: () => void;
  back: () => void;
}

/** For where requests are answered: the page in the browser, and the approval window of the desktop app. */
export function useAsks(line: Pick<Line, 'ask'>, queue: AskQueueView, host: Host): Asks {
  const { attempt, run } = useAct();
  const isVisible = useIsVisible();
  const paused = isPaused(queue);
  const front = paused ? undefined : queue.asks[0];
  const { id } = front ?? { id: undefined };
  const { way, leave, forget } = useWayOut(host, id ?? '');
  const isUnshown = front?.answerableAt === null;

  useEffect(() => {
    // A hidden tab shows nothing to anybody.
    if (id !== undefined && isUnshown && isVisible) void line.ask('shown', { ask: id }).catch(() => undefined); // it may be over by now
  }, [line, id, isUnshown, isVisible]);

  const answer = (given: UiInput<'answer'>): void => void run(() => line.ask('answer', given));
  return {
    front,
    behind: Math.max(0, queue.asks.length - 1),
    isPaused: paused,
    attempt,
    way,
    approve(span) {
      if (id === undefined) return;
      if (front?.approval === 'click') return answer({ verdict: 'approved', ask: id, span });
      void run(async () => leave((await line.ask('ceremony/begin', { kind: 'tap', ask: id, span })).url));
    },
    deny(reach) {
      if (id !== undefined) answer({ verdict: 'denied', ask: id, reach });
    },
    snooze: () => void run(() => line.ask('snooze', { minutes: snoozeMinutes })),
    look: () => void run(() => line.ask('attend', {})),
    back: forget,
  };
}
