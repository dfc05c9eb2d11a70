/** How the terminal names a program: what the system said of it, and what it only says of itself, each marked. */
import type { CallerView, FactView } from '../../preload/contract/caller.ts';

/** Facts that change what a person would answer; the rest is on the page. */
const telling: readonly FactView['name'][] = ['ai-agent', 'container', 'forwarder', 'notebook', 'script'];

/** `python3.12 (verified), notebook churn.ipynb (claimed)`; others' words are in it, so it goes through `harmless` on its way out. */
export function callerText(caller: CallerView | null): string {
  if (caller === null) return 'an unknown program';
  const title = caller.kind === 'unknown' ? caller.title : `${caller.title} (verified)`;
  const facts = caller.facts.filter(({ name }) => telling.includes(name));
  return [title, ...facts.map(({ name, value, proof }) => `${name} ${value} (${proof})`)].join(', ');
}
