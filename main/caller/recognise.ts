/** Makes sense of what was seen of a process. Pure; a name it does not know stays what it is, and nothing is guessed. */
import type { Caller, ProcessFacts } from './caller.ts';
import { readInterpreter } from './interpreter.ts';
import { findAiAgent, findForwarder } from './known-programs.ts';
import type { Sighting } from './sighting.ts';

/**
 * The caller that a sighting shows.
 *
 * A mount namespace of its own has also what snap and flatpak install, and a service that systemd hides things from: all of these
 * are containers here, since neither a path nor a name in there means what it means out here. Where the namespaces cannot be read, the
 * kind is unknown although the process is known.
 *
 * @param extraAiAgents base names of further programs to take for AI agents
 */
export function recognise({ process, ancestors, namespaces, notebook }: Sighting, extraAiAgents: readonly string[]): Caller {
  const interpreter = readInterpreter(process);
  const aiAgent = firstAiAgent([process, ...ancestors], extraAiAgents);
  const forwarder = findForwarder(process);
  const kind = kindOf({ namespaces, forwarder, aiAgent });
  return { kind, process, ancestors, aiAgent, forwarder, interpreter, notebook };
}

function firstAiAgent(chain: readonly ProcessFacts[], extra: readonly string[]): string | null {
  for (const process of chain) {
    const found = findAiAgent(process, readInterpreter(process)?.script ?? null, extra);
    if (found !== null) return found;
  }
  return null;
}

function kindOf({ namespaces, forwarder, aiAgent }: Pick<Sighting, 'namespaces'> & Pick<Caller, 'forwarder' | 'aiAgent'>): Caller['kind'] {
  // check: caller-container
  if (namespaces === 'others') return 'container';
  // end check
  // check: caller-namespaces-unknown
  if (namespaces === 'unknown') return 'unknown';
  // end check
  // check: caller-forwarder
  if (forwarder !== null) return 'forwarder';
  // end check
  // check: caller-ai-agent
  if (aiAgent !== null) return 'ai-agent';
  // end check
  return 'program';
}
