/** What a policy allows and a person should know all the same. Shown by `lakepass policy check` and in status. */
import { someOf } from './facts.ts';
import type { GrantRule, PolicyFile } from './schema.ts';

export function warningsOf(file: PolicyFile): string[] {
  const grants = Object.values(file.roles).flatMap(({ grants: given }) => given);
  const ids = (chosen: (grant: GrantRule) => boolean): string[] => grants.filter(chosen).map(({ id }) => id);
  const held = ['forwarder', 'container', 'unknown'] as const;
  const namesHeldOff = ({ callers = [] }: GrantRule): boolean =>
    callers.some((name) => held.some((kind) => file.callers[name]?.kinds?.includes(kind) === true));
  const said: [string[], one: string, several: string, rest: string][] = [
    [ids(({ approval }) => approval === 'none'), 'asks', 'ask', 'nobody: any program that runs as you gets what is given there.'],
    [ids(({ approval }) => approval === 'click'), 'asks', 'ask', 'for a click alone, which a program that runs as you can make.'],
    [ids(namesHeldOff), 'gives', 'give', 'to forwarders, containers or programs the system cannot name: who is behind them is not known.'],
  ];
  const rules = said
    .filter(([found]) => found.length > 0)
    .map(([found, one, several, rest]) =>
      found.length === 1 ? `The rule ${found[0]} ${one} ${rest}` : `The rules ${someOf(found.sort(), 6)} ${several} ${rest}`,
    );
  return [
    ...(file.mode === 'observe' ? ['The policy only observes: it records what it would refuse, and lets it through.'] : []),
    ...rules,
  ];
}
