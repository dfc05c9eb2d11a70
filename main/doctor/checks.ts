/** Every check there is, in the order in which a page shows those of equal weight. A later one is added to the list it belongs to. */
import { agentChecks } from './agent-checks.ts';
import type { Check } from './check.ts';
import { machineChecks } from './machine-checks.ts';
import { personChecks } from './person-checks.ts';

export const checks: readonly Check[] = [...personChecks, ...agentChecks, ...machineChecks];
