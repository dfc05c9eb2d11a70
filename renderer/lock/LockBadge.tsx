/** In one word whether tokens flow. */
import type { LockState } from '../../preload/contract/lock.ts';
import { texts } from '../texts.ts';
import { Badge } from '../ui/Badge.tsx';

const iconOf = { open: 'open', away: 'away', locked: 'lock' } as const;
const lookOf = { open: 'good', away: 'warn', locked: 'bad' } as const;

export function LockBadge({ state }: { state: LockState }) {
  return (
    <Badge look={lookOf[state]} icon={iconOf[state]}>
      {texts.lock.states[state]}
    </Badge>
  );
}
