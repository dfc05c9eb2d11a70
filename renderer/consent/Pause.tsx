/** Says why no request is shown although some may wait, and lets the person look. */
import type { AskQueueView } from '../../preload/contract/consent.ts';
import { texts } from '../texts.ts';
import { Button } from '../ui/Button.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Moment } from '../ui/time.tsx';

/** The person snoozed, or nobody answered for too long. */
export const isPaused = ({ snoozedUntil, quiet }: AskQueueView): boolean =>
  quiet || (snoozedUntil !== null && Date.parse(snoozedUntil) > Date.now());

export function Pause({ queue, onLook }: { queue: AskQueueView; onLook: () => void }) {
  return (
    <Notice look="plain">
      <p>
        {queue.snoozedUntil === null ? (
          texts.pause.quiet
        ) : (
          <>
            {texts.pause.snoozed} <Moment at={queue.snoozedUntil} />.
          </>
        )}{' '}
        {texts.pause.waiting(queue.asks.length)}
      </p>
      <Button onPress={onLook}>{texts.pause.look}</Button>
    </Notice>
  );
}
