/**
 * What the environment that the agent was started in says about its way out. It may name the proxy, through which nobody can read; it may
 * not name authorities. Any program of the person's can start the agent with an environment of its own making.
 */
import { hasCode } from '../app-error.ts';
import { proxyFor } from './proxy.ts';

/** They would have us believe other authorities, or anybody; Lakepass goes by none of them. */
export const ignoredVariables = ['NODE_EXTRA_CA_CERTS', 'NODE_TLS_REJECT_UNAUTHORIZED', 'SSL_CERT_FILE', 'SSL_CERT_DIR'] as const;

/** Names of the variables that are set and not gone by. */
const ignoredIn = (env: NodeJS.ProcessEnv): string[] => ignoredVariables.filter((name) => (env[name] ?? '') !== '');

/** In words, for whoever wonders why a server is not believed. */
export function environmentNotes(env: NodeJS.ProcessEnv): string[] {
  const names = ignoredIn(env);
  if (names.length === 0) return [];
  const [verb, them] = names.length === 1 ? ['is', 'it'] : ['are', 'them'];
  return [
    `${names.join(', ')} ${verb} set where the agent was started, and Lakepass does not go by ${them}: name a company’s authorities as \`network.caFile\`.`,
  ];
}

/** For the record of a start: host and port of the proxy, without what it is logged in with, and the names that are not gone by. */
export function environmentFacts(env: NodeJS.ProcessEnv): { proxy?: string; ignored?: string } {
  const [proxy, ignored] = [proxyIn(env), ignoredIn(env).join(', ')];
  return { ...(proxy === '' ? {} : { proxy }), ...(ignored === '' ? {} : { ignored }) };
}

function proxyIn(env: NodeJS.ProcessEnv): string {
  try {
    return proxyFor(new URL('https://anywhere.invalid/'), { ...env, no_proxy: '' })?.host ?? '';
  } catch (error) {
    if (hasCode(error, 'PROXY_INVALID')) return 'invalid';
    throw error;
  }
}
