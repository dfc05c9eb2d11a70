/**
 * The policy where there is no policy file: a person who looks after their own machine. It is what a file would hold, and judged by the same
 * code; a test loads it as one, its own tests included.
 */
import { type LoadedPolicy, policyFrom } from './load-policy.ts';

const bundles = ['notebook', 'sql', 'ml', 'bi', 'jobs'];

export const builtInFile = {
  ...{ version: 1, id: 'self-managed', revision: 1 },
  identities: [
    { match: { anyone: true }, roles: ['person'] },
    { match: { servicePrincipal: '*' }, roles: ['service-principal'] },
  ],
  callers: { program: { kinds: ['program'] }, 'ai-agent': { kinds: ['ai-agent'] } },
  roles: {
    person: {
      grants: [
        { id: 'programs', workspaces: ['*'], scopes: bundles, callers: ['program'], maxLife: '24 h', approval: 'tap' },
        { id: 'ai-agents', workspaces: ['*'], scopes: bundles, callers: ['ai-agent'], maxLife: '1 h', approval: 'tap' },
      ],
    },
    'service-principal': {
      grants: [
        { id: 'principal-programs', workspaces: ['*'], scopes: bundles, callers: ['program'], maxLife: '24 h', approval: 'tap' },
        { id: 'principal-ai-agents', workspaces: ['*'], scopes: bundles, callers: ['ai-agent'], maxLife: '1 h', approval: 'tap' },
      ],
    },
  },
  deny: [{ id: 'no-all-apis', scopes: ['all-apis'] }],
  tests: [
    { name: 'a program gets the scopes of a bundle', given: { scopes: ['notebook', 'ml'] }, expect: 'allow' },
    { name: 'an AI agent does too', given: { scopes: ['notebook'], kind: 'ai-agent', aiAgent: 'claude' }, expect: 'allow' },
    { name: 'a service principal does too', given: { identity: 'service-principal', scopes: ['notebook'] }, expect: 'allow' },
    { name: 'nobody gets everything', given: { scopes: ['all-apis'] }, expect: 'deny' },
    { name: 'a scope outside the bundles takes a policy file', given: { scopes: ['secrets'] }, expect: 'deny' },
    {
      ...{ name: 'a container takes a policy file', given: { scopes: ['sql'], kind: 'container' } },
      ...{ expect: 'deny', code: 'CALLER_REFUSED' },
    },
  ],
};

/**
 * Where the configuration names service principals and no profile: a CI job, a server. There is nobody who could sign in, enrol a key and
 * approve, so programs are given what the configuration's owner has set up there, and AI agents nothing.
 */
export const unattendedFile = {
  ...{ version: 1, id: 'unattended', revision: 1 },
  identities: [{ match: { servicePrincipal: '*' }, roles: ['service-principal'] }],
  callers: { program: { kinds: ['program'] } },
  roles: {
    'service-principal': {
      grants: [{ id: 'principal-programs', workspaces: ['*'], scopes: bundles, callers: ['program'], maxLife: '24 h', approval: 'none' }],
    },
  },
  deny: [{ id: 'no-all-apis', scopes: ['all-apis'] }],
  tests: [
    {
      ...{ name: 'a program gets the scopes of a bundle', expect: 'allow' },
      given: { identity: 'service-principal', scopes: ['notebook', 'ml'] },
    },
    { name: 'a person gets nothing, for there is none', given: { scopes: ['sql'] }, expect: 'deny' },
    {
      ...{ name: 'an AI agent gets nothing, for nobody could look at what it asks', expect: 'deny' },
      given: { identity: 'service-principal', scopes: ['sql'], kind: 'ai-agent', aiAgent: 'claude' },
    },
  ],
};

/** Made anew for each agent; its hash is the word `built-in-unattended`. */
export const unattendedPolicy = (): LoadedPolicy => policyFrom(unattendedFile, 'built-in-unattended');

/** Made anew for each agent; its hash is the word `built-in`. */
export const builtInPolicy = (): LoadedPolicy => policyFrom(builtInFile, 'built-in');
