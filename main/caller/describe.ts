/**
 * What a person is shown of a caller: verified facts first, and beside every fact who vouches for it. The words are others', so nothing
 * in them may move the cursor, turn the reading direction or hide; and nothing that looks like a secret leaves a command line.
 */
import type { CallerView, FactView } from '../../preload/contract/caller.ts';
import type { Caller, ProcessFacts } from './caller.ts';
import { baseName, fileShowsAiAgent } from './known-programs.ts';
import { withoutSecrets } from './without-secrets.ts';

const longest = { title: 80, value: 300 } as const;
const parentsShown = 8;
const nameless = 'an unknown program';

/** A caller for people: a title from verified facts alone, then the facts, verified ones first. */
export function describeCaller(caller: Caller): CallerView {
  const facts = factsOf(caller).map((fact) => ({ ...fact, value: plain(fact.value, longest.value) }));
  return {
    kind: caller.kind,
    title: plain(titleOf(caller), longest.title),
    pid: caller.process?.pid ?? null,
    facts: [...facts.filter(({ proof }) => proof === 'verified'), ...facts.filter(({ proof }) => proof === 'claimed')],
  };
}

/** Only files count here: `python3.11` and not the script it says it runs, be it the caller or what it runs under. */
function titleOf({ kind, process, ancestors, forwarder }: Caller): string {
  const name = nameOf(process);
  if (name === null) return nameless;
  if (kind === 'container') return `${name} in a container`;
  if (kind === 'forwarder' && forwarder !== null) return `${name}, which forwards for others`;
  const above = ancestors.map(nameOf).find((parent) => parent !== null && parent !== name && !shells.test(parent));
  return above ? `${name} under ${above}` : name;
}

/** Between a program and what it was started from there is often one, and it says nothing. */
const shells = /^(?:ba|da|z|fi|k|mk|a)?sh$|^(?:sudo|env|timeout|nohup|setsid)$/;

const nameOf = (process: ProcessFacts | null): string | null =>
  process?.executable === null || process === null ? null : baseName(process.executable);

function factsOf({ kind, process, ancestors, aiAgent, forwarder, interpreter, notebook }: Caller): FactView[] {
  if (process === null) return [];
  const parents = ancestors.slice(0, parentsShown).map((parent) => nameOf(parent) ?? '?');
  const aiAgentProof = [process, ...ancestors].some((one) => fileShowsAiAgent(aiAgent ?? '', one)) ? 'verified' : 'claimed';
  const facts: [FactView['name'], string | null, FactView['proof']][] = [
    ['program', process.executable, 'verified'],
    ['folder', process.folder, 'verified'],
    ['parents', parents.length === 0 ? null : parents.join(' ← '), 'verified'],
    ['process', String(process.pid), 'verified'],
    ['container', kind === 'container' ? 'runs in a container or sandbox' : null, 'verified'],
    ['forwarder', forwarder, 'verified'],
    ['ai-agent', aiAgent, aiAgentProof],
    ['script', interpreter?.script ?? null, 'claimed'],
    ['notebook', notebook, 'claimed'],
    ['command', process.commandLine === null ? null : withoutSecrets(process.commandLine), 'claimed'],
  ];
  return facts.flatMap(([name, value, proof]) => (value === null || value === '' ? [] : [{ name, value, proof }]));
}

/** Control, format (bidi, zero width), private and unassigned characters, and whatever else would break a line. */
const unseen = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Text that somebody else chose, made fit for one line. */
export function plain(text: string, limit: number): string {
  let shown = text.slice(0, limit * 4);
  // check: caller-words-harmless
  shown = shown.replace(unseen, '\u{fffd}');
  // end check
  shown = shown.replace(/\p{Zs}/gu, ' ').replace(/(\p{M}{2})\p{M}+/gu, '$1');
  const letters = [...shown];
  return letters.length > limit ? `${letters.slice(0, limit - 1).join('')}…` : shown;
}
