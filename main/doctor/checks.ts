/** Every check there is, in the order in which a page shows those of equal weight. A later one is added to the list it belongs to. */
import { agentChecks } from './agent-checks.ts';
import type { Check } from './check.ts';
import type { FarFacts } from './far-facts.ts';
import { machineChecks } from './machine-checks.ts';
import { networkChecks } from './network-checks.ts';
import { personChecks } from './person-checks.ts';
import { providerChecks, scopesCheck } from './provider-checks.ts';
import { terminalChecks } from './terminal-checks.ts';

export const checks: readonly Check[] = [...personChecks, ...agentChecks, ...machineChecks];

/** Those that ask others, or look at more than the agent's own: only when a person wants it. */
export const farChecks: readonly Check<FarFacts>[] = [...networkChecks, ...providerChecks, ...terminalChecks];

/** For a profile that nobody has signed in with: everything on the way to its first token, but for the token. */
export const newProfileChecks: readonly Check<FarFacts>[] = [
  ...networkChecks,
  ...providerChecks.filter(({ id }) => id !== 'claims'),
  scopesCheck,
];

/** The token that workspaces get, against what their policies go by. */
export const tokenChecks: readonly Check<FarFacts>[] = providerChecks.filter(({ id }) => id === 'claims');
