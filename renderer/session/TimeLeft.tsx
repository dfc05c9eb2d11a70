/** How long the session still runs, as a ring: the outer one to its hard end, the inner one to the end that the next token puts off. */
import type { SessionView } from '../../preload/contract/session.ts';
import { texts } from '../texts.ts';
import { Ring } from '../ui/Ring.tsx';
import { lasting, moment } from '../ui/time.tsx';
import { useNow } from '../ui/use-now.ts';
import styles from './TimeLeft.module.css';

const soonMs = 10 * 60_000;

/** A moment on a line of its own. */
const whole = (at: string): string => moment(at).replaceAll(' ', '\u00a0');

/** The part of the time from `since` to `until` that is left. */
const partLeft = (since: string, until: string, now: number): number =>
  (Date.parse(until) - now) / Math.max(1, Date.parse(until) - Date.parse(since));

export function TimeLeft({ session }: { session: SessionView }) {
  const now = useNow();
  const { signedInAt, endsAt, idleEndsAt } = session;
  if (signedInAt === null || endsAt === null) return null;
  const left = Math.max(0, Date.parse(endsAt) - now);
  // The idle end says nothing where the hard one comes first.
  const idle = idleEndsAt !== null && idleEndsAt < endsAt ? idleEndsAt : null;
  const label = [texts.home.ring(lasting(left), moment(endsAt)), idle === null ? '' : texts.home.ringIdle(moment(idle))].join(' ');
  return (
    <div className={styles.left}>
      <Ring
        part={partLeft(signedInAt, endsAt, now)}
        inner={idle === null ? null : partLeft(session.renewedAt ?? signedInAt, idle, now)}
        look={left < soonMs ? 'warn' : 'plain'}
        label={label}
      >
        <span className={styles.time}>{lasting(left)}</span>
        <span className="small">{texts.home.left}</span>
      </Ring>
      <p className="small">{texts.home.until(whole(endsAt))}</p>
      {idle === null ? null : <p className="small">{texts.home.idleUntil(whole(idle))}</p>}
    </div>
  );
}
