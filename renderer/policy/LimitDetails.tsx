/** The limits that policy sets for everybody on this machine. */
import type { PolicyPage } from '../../preload/contract/policy.ts';
import { Detail, Details } from '../ui/Details.tsx';
import { limitRows } from './policy-words.ts';

export function LimitDetails({ limits }: { limits: PolicyPage['limits'] }) {
  return (
    <Details>
      {limitRows(limits).map(({ name, value }) => (
        <Detail key={name} name={name}>
          {value}
        </Detail>
      ))}
    </Details>
  );
}
