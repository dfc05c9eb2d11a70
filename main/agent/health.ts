/**
 * What Lakepass depends on, as the nouns know it: the vault, the log, its sinks, and the provider and the workspaces of whoever is signed in.
 * Nobody's provider or workspace is asked before a person has signed in there: a program could have written their address.
 */
import type { AuditView } from '../../preload/contract/audit.ts';
import { AppError } from '../app-error.ts';
import type { AuditLog } from '../audit/event.ts';
import { reach } from '../databricks/reach.ts';
import { createProviderProbe } from '../idp/probe.ts';
import type { Ports } from '../ports.ts';
import type { TokenOwner } from '../profile/profile.ts';
import type { Session } from '../session/session.ts';
import type { Dependency } from '../telemetry/health.ts';
import type { Vault } from '../vault/vault.ts';
import type { Company } from './agent.ts';
import { metadataOf } from './far-look.ts';

interface Owner {
  profile: Pick<TokenOwner, 'name' | 'workspaces'>;
  session: { view(): Pick<ReturnType<Session['view']>, 'phase'> };
}

interface Parts extends Pick<Ports, 'clock' | 'fetch' | 'random' | 'log'> {
  vault: Pick<Vault, 'locked' | 'names'>;
  audit: Pick<AuditLog, 'synced'>;
  sinks: () => AuditView['sinks'];
  companies: ReadonlyMap<string, Pick<Company, 'profile'> & Owner>;
  servicePrincipals: ReadonlyMap<string, Owner>;
}

export const createDependencies = (parts: Parts) => (): Dependency[] => [
  {
    ...{ kind: 'vault', name: '', late: 'INTERNAL' },
    async look() {
      if (parts.vault.locked) return 'unused';
      await parts.vault.names();
      return 'ok';
    },
  },
  {
    ...{ kind: 'audit-log', name: '', late: 'AUDIT_UNWRITABLE' },
    async look() {
      await parts.audit.synced();
      return 'ok';
    },
  },
  // How the last try went; a sink sends by itself, and needs no second way to be tried.
  ...parts
    .sinks()
    .map(({ name, problem }): Dependency => ({ kind: 'sink', name, late: 'AUDIT_SINK_UNREACHABLE', look: async () => problem ?? 'ok' })),
  ...[...parts.companies.values()]
    .filter(({ profile }) => profile.idp.preset !== 'databricks')
    .map((company) => ofProvider(parts, company)),
  ...[...parts.companies.values(), ...parts.servicePrincipals.values()].flatMap((owner) => ofWorkspaces(parts, owner)),
];

const ofTls: ReadonlySet<string> = new Set(['certificate', 'handshake']);
const isUsed = ({ session }: Owner): boolean => session.view().phase === 'signed-in';

function ofProvider(parts: Parts, company: Pick<Company, 'profile'> & Owner): Dependency {
  const { profile } = company;
  return {
    ...{ kind: 'provider', name: profile.name, late: 'ISSUER_UNREACHABLE' },
    async look() {
      // check: health-signed-in-alone
      if (!isUsed(company)) return 'unused';
      // end check
      const keys = await createProviderProbe({ ...parts, profile }).keys();
      if (keys.length === 0) throw new AppError('ISSUER_INVALID', { reason: 'keys', detail: 'It publishes no key to check tokens with.' });
      return 'ok';
    },
  };
}

const ofWorkspaces = (parts: Parts, owner: Owner): Dependency[] =>
  owner.profile.workspaces.map(({ name, host, accountId }) => ({
    ...{ kind: 'workspace', name: `${owner.profile.name}/${name}`, late: 'WORKSPACE_UNREACHABLE' },
    async look() {
      // check: health-workspace-signed-in-alone
      if (!isUsed(owner)) return 'unused';
      // end check
      const way = await reach(parts, metadataOf(host, accountId));
      if (way.kind === 'failed')
        return way.failure ?? new AppError(ofTls.has(way.at) ? 'WORKSPACE_TLS' : 'WORKSPACE_UNREACHABLE', { reason: way.at }).toFailure();
      if (way.status >= 500) throw new AppError('WORKSPACE_BUSY', { reason: String(way.status) });
      return 'ok';
    },
  }));
