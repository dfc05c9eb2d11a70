/** What `lakepass status` and the UI show: views of everything, from the nouns' own words. It reads and changes nothing. */
import type { AlertView } from '../../preload/contract/alert.ts';
import type { AuditView } from '../../preload/contract/audit.ts';
import type { CallerView } from '../../preload/contract/caller.ts';
import type { GrantView, HostKind, PolicyView, StatusView } from '../../preload/contract/control.ts';
import type { Failure } from '../../preload/contract/failure.ts';
import type { KeyRegistrationView } from '../../preload/contract/key-registration.ts';
import type { LockView } from '../../preload/contract/lock.ts';
import type { ManagedView } from '../../preload/contract/managed.ts';
import type { ServicePrincipalView } from '../../preload/contract/service-principal.ts';
import type { SessionView } from '../../preload/contract/session.ts';
import { authorisedBy, isNarrowed } from '../databricks/authorisation.ts';
import type { Consents } from '../grant/consents.ts';
import { identityOf } from '../grant/grant.ts';
import type { Grant, Grants } from '../grant/grants.ts';
import type { Members } from '../grant/members.ts';
import type { TapKeys } from '../passkey/tap-keys.ts';
import type { Ports } from '../ports.ts';
import type { Config, Profile } from '../profile/profile.ts';
import type { RunningPrincipal } from '../service-principal/service-principal.ts';
import { type EpochMs, iso } from '../units.ts';
import type { Vault } from '../vault/vault.ts';
import type { Company } from './agent.ts';

export interface StatusParts {
  version: string;
  startedAt: EpochMs;
  host: HostKind;
  vault: Pick<Vault, 'kind'>;
  port: () => number;
  configFile: string;
  network?: () => Config['network'];
  companies: ReadonlyMap<string, Company>;
  servicePrincipals: ReadonlyMap<string, RunningPrincipal>;
  grants: Pick<Grants, 'list'>;
  members: Pick<Members, 'count'>;
  consents: Pick<Consents, 'view'>;
  tapKeys: Pick<TapKeys, 'list'>;
  lockView: () => LockView;
  policyView: () => PolicyView;
  managedView?: () => ManagedView | null;
  auditView?: () => AuditView;
  alertsView?: () => AlertView[];
  keyRegistration?: (profile: string) => KeyRegistrationView | undefined;
  problems: () => readonly Failure[];
  /** What cannot be known here: no screen-lock signals, for one. */
  notes: () => readonly string[];
}

/** A host with a screen of its own is the desktop app. */
export const hostKind = (screen: Ports['screen']): HostKind => (screen === undefined ? 'headless' : 'desktop');

export const createGrantView =
  ({ members, companies, servicePrincipals }: Pick<StatusParts, 'members' | 'companies' | 'servicePrincipals'>) =>
  (grant: Grant): GrantView => ({
    id: grant.id,
    profile: grant.profile,
    workspace: grant.workspace,
    scopes: [...grant.scopes],
    ...widthOf(companies.get(grant.profile)?.profile, grant.scopes),
    ...actingAs(companies.get(grant.profile)?.actsAs() ?? servicePrincipals.get(grant.profile)?.profile.clientId),
    ...identityOf(grant.issuer),
    label: grant.label,
    createdAt: iso(grant.createdAt),
    until: iso(grant.until),
    approved: grant.approved,
    binding: grant.binding.kind,
    caller: makerView(grant),
    members: members.count(grant.id),
    state: grant.state,
    paused: grant.paused,
    lastUsedAt: grant.lastUsedAt === null ? null : iso(grant.lastUsedAt),
    served: grant.served,
  });

const widthOf = (profile: Profile | undefined, scopes: readonly string[]): Pick<GrantView, 'narrowed'> =>
  profile === undefined || isNarrowed(profile, scopes) ? {} : { narrowed: false };

const actingAs = (clientId: string | null | undefined): Pick<GrantView, 'actsAs'> => (clientId == null ? {} : { actsAs: clientId });

const makerView = ({ maker }: Grant): CallerView => ({
  kind: maker.kind,
  title: maker.title.split('/').at(-1) ?? maker.title,
  pid: null,
  facts: [
    { name: 'program', value: maker.title, proof: 'verified' },
    ...(maker.aiAgent === null ? [] : [{ name: 'ai-agent' as const, value: maker.aiAgent, proof: 'verified' as const }]),
  ],
});

export function statusOf(parts: StatusParts): StatusView {
  const profiles = [...parts.companies.values()].map(({ profile, session, tokens, actsAs }) => ({
    name: profile.name,
    test: profile.test,
    issuer: profile.idp.issuer,
    ...(profile.tokens === 'direct' ? { direct: [...authorisedBy(profile)] } : {}),
    ...actingAs(actsAs()),
    session: session.view(),
    ...registrationOf(parts.keyRegistration?.(profile.name)),
    workspaces: profile.workspaces.map((workspace) => ({ ...workspace, health: tokens.health(workspace.host) })),
  }));
  const problems = [
    ...parts.problems(),
    ...profiles.flatMap(({ session }) => [session.renewalProblem, session.lastFailure].filter((failure) => failure !== null)),
  ];
  const servicePrincipals = [...parts.servicePrincipals.values()].map((principal) => principal.view());
  const lock = parts.lockView();
  const tapKeys = [...parts.tapKeys.list()];
  const inUse = tapKeys.filter(({ state }) => state === undefined).length;
  const queue = parts.consents.view();
  const live = parts.grants.list().filter((grant) => grant.state === 'live');
  return {
    version: parts.version,
    pid: process.pid,
    host: parts.host,
    startedAt: iso(parts.startedAt),
    vault: parts.vault.kind,
    port: parts.port(),
    configFile: parts.configFile,
    ...authoritiesOf(parts.network?.()),
    profiles,
    servicePrincipals,
    grants: live.map(createGrantView(parts)),
    lock,
    queue,
    tapKeys,
    policy: parts.policyView(),
    ...managedOf(parts.managedView?.()),
    ...(parts.auditView === undefined ? {} : { audit: parts.auditView() }),
    ...(parts.alertsView === undefined ? {} : { alerts: parts.alertsView() }),
    warnings: [...warningsOf(lock, inUse), ...servicePrincipals.flatMap(rotationWarning), ...parts.notes()],
    problems: [...problems, ...servicePrincipals.flatMap(({ problem }) => problem ?? [])],
    next: nextStep(parts.configFile, profiles, servicePrincipals, {
      locked: lock.state === 'locked',
      asked: queue.asks.length,
      tapKeys: inUse,
      lost: tapKeys.length > inUse,
    }),
  };
}

const authoritiesOf = ({ caFile, caContent = null }: Config['network'] = {}): Pick<StatusView, 'authorities'> =>
  caFile === undefined ? {} : { authorities: { caFile, caContent } };

const registrationOf = (keyRegistration: KeyRegistrationView | undefined): { keyRegistration?: KeyRegistrationView } =>
  keyRegistration === undefined ? {} : { keyRegistration };

const managedOf = (managed: ManagedView | null | undefined): Pick<StatusView, 'managed'> => (managed == null ? {} : { managed });

function rotationWarning({ name, rotationDue, secretAgeDays }: ServicePrincipalView): string[] {
  if (!rotationDue) return [];
  return [
    `The secret of service principal ${name} is ${secretAgeDays} days old; make a new one, then \`lakepass service-principals set ${name}\`.`,
  ];
}

function warningsOf(lock: LockView, tapKeys: number): string[] {
  const warnings: string[] = [];
  if (lock.sealing === 'keychain')
    warnings.push(
      'The vault is sealed by the keychain alone: any program that runs as you can read the refresh token. Seal it with a key.',
    );
  if (tapKeys === 1) warnings.push('Only one tap key is enrolled; add a second one before you lose the first.');
  return warnings;
}

function nextStep(
  configFile: string,
  profiles: readonly { name: string; session: SessionView }[],
  servicePrincipals: readonly ServicePrincipalView[],
  now: { locked: boolean; asked: number; tapKeys: number; lost: boolean },
): string {
  if (profiles.length === 0 && servicePrincipals.length === 0) return `Write a profile into ${configFile}; README shows an example.`;
  if (now.locked) return 'lakepass unlock';
  if (profiles.length === 0) return principalStep(servicePrincipals);
  if (now.asked > 0) return 'Somebody is asking: lakepass ui';
  if (profiles.some(({ session }) => session.phase === 'signing-in')) return 'Finish the sign-in in your browser.';
  const ready = profiles.find(({ session }) => session.phase === 'signed-in');
  if (ready === undefined) return profiles.length === 1 ? 'lakepass login' : `lakepass login --profile ${profiles[0]?.name}`;
  if (now.tapKeys === 0 && now.lost) return 'lakepass reset: no key is left that could approve anything';
  if (now.tapKeys === 0) return 'lakepass login, and enrol a tap key in the page that follows';
  return 'lakepass run -- jupyter lab';
}

/** Where there are no people. */
function principalStep(servicePrincipals: readonly ServicePrincipalView[]): string {
  const ready = servicePrincipals.find(({ state }) => state === 'ready');
  if (ready !== undefined) return `lakepass run --profile ${ready.name} -- python job.py`;
  const empty = servicePrincipals.find(({ state }) => state === 'secret-needed');
  return empty === undefined ? 'lakepass unlock' : `lakepass service-principals set ${empty.name}`;
}
