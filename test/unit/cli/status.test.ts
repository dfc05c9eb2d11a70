/** What `lakepass status` says of a device that a company manages: the same as the window. */
import { expect, it } from 'vitest';
import { statusText } from '../../../main/cli/verbs/status.ts';
import { fakeClock } from '../../fakes/fake-clock.ts';
import { awaitedOf, managedOf } from '../../fakes/managed-device.ts';
import { calmState } from '../../fakes/pages-agent.ts';

const clock = fakeClock();
const said = (managed: ReturnType<typeof managedOf>): string => statusText({ ...calmState(clock).status, managed });

it('names who manages it, by what, and each rule that does not hold for the person with its end', () => {
  const exemptions = [{ rule: 'no-jobs', until: '2026-01-05T12:00:00.000Z', reason: 'month end' }];
  const text = said(managedOf(clock, { exemptions }));
  expect(text).toMatch(/^Managed {3}by Acme, by a link you accepted: bundle revision 12 \(5c5c5c5c5c5c5c5c\)/m);
  expect(text).toContain('  exempt from the rule no-jobs until 2026-01-05 12:00 UTC: month end');
});

it('says that a bundle is awaited', () => {
  expect(said(awaitedOf(clock))).toMatch(/^Managed {3}by Acme, by the settings of this machine; its bundle is awaited/m);
});
