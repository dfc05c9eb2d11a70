/** The limits that policy sets for everybody on this machine. */
import type { PolicyPage } from '../../preload/contract/policy.ts';
import { LineItem, Lines } from '../ui/Lines.tsx';
import { limitRows } from './policy-words.ts';

export function LimitDetails({ limits }: { limits: PolicyPage['limits'] }) {
  return (
    <Lines>
      {limitRows(limits).map(({ name, value }) => (
        <LineItem key={name} aside={<strong>{value}</strong>}>
          {name}
        </LineItem>
      ))}
    </Lines>
  );
}
