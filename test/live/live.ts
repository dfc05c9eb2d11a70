/**
 * `npm run test:live`: one person signs in for real, and a real workspace is asked what the simulated one could only assume. It prints a table
 * that names neither the company nor the person and holds no secret, fit for an issue report. Without its variables it does nothing and says so.
 */
import { randomBytes } from 'node:crypto';
import { AppError } from '../../main/app-error.ts';
import { createPeerUid } from '../../main/caller/peer-uid.ts';
import { bundles } from '../../main/databricks/scopes.ts';
import { openSystemBrowser, systemClock } from '../../main/host-ports.ts';
import { createIdentityProvider } from '../../main/idp/identity-provider.ts';
import type { SignedIn } from '../../main/idp/signed-in.ts';
import { loadConfig, workspaceOf } from '../../main/profile/load-config.ts';
import type { Profile } from '../../main/profile/profile.ts';
import { recordingAudit } from '../fakes/recording-audit.ts';
import { type Finding, learned, notAsked, promised } from './finding.ts';
import { createRedaction, type Redaction } from './redaction.ts';
import { probeWorkspace } from './workspace-probe.ts';

export interface LiveRun {
  env: Readonly<Record<string, string | undefined>>;
  /** One line. */
  say: (line: string) => void;
  openBrowser: (url: URL) => Promise<'opened' | 'none'>;
}

/** Names whose place in the vocabulary nobody has confirmed, beside those that our bundles ask for. */
const doubtfulScopes = ['ai-search', 'dashboards.genie', 'iam.current-user:read', 'mcp', 'sql.statement-execution'];
const scopes = [...new Set([...Object.values(bundles).flat(), ...doubtfulScopes])].sort();

/**
 * @returns exit code: 0 where it was not asked to run, or everything promised held; 1 otherwise
 */
export async function runLive({ env, say, openBrowser }: LiveRun): Promise<number> {
  const file = env['LAKEPASS_LIVE_CONFIG'];
  if (file === undefined || file === '') {
    say('NOT RUN: test:live. It needs LAKEPASS_LIVE_CONFIG, a configuration file with a real provider and a real workspace');
    say('(LAKEPASS_LIVE_PROFILE and LAKEPASS_LIVE_WORKSPACE choose among several), and a person at a browser.');
    return 0;
  }
  const redaction = createRedaction();
  try {
    const profile = chooseProfile((await loadConfig(file)).profiles, env['LAKEPASS_LIVE_PROFILE']);
    const { host } = workspaceOf(profile, env['LAKEPASS_LIVE_WORKSPACE']);
    redaction.rename(profile.idp.issuer, 'issuer');
    redaction.rename(host, 'workspace');
    redaction.rename(new URL(host).host, 'workspace');
    const signedIn = await signIn(profile, { say, openBrowser });
    const jwt = signedIn.subjectToken.jwt.reveal();
    hideSignIn(redaction, signedIn);
    const findings = [
      ...describeSignIn(signedIn, profile),
      ...(await probeWorkspace({ fetch: globalThis.fetch, host, jwt, scopes, redaction })),
      ...notAsked,
    ];
    for (const line of table(findings, redaction)) say(line);
    return findings.some(({ held }) => held === false) ? 1 : 0;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    say(redaction.clean(`FAILED: [${error.code}] ${error.detail ?? ''}`));
    return 1;
  }
}

function chooseProfile(profiles: ReadonlyMap<string, Profile>, name: string | undefined): Profile {
  const [only, ...others] = name === undefined ? profiles.values() : [profiles.get(name)];
  if (only === undefined || others.length > 0) throw new AppError('PROFILE_UNKNOWN', { detail: 'Name one with LAKEPASS_LIVE_PROFILE.' });
  return only;
}

async function signIn(profile: Profile, { say, openBrowser }: Pick<LiveRun, 'say' | 'openBrowser'>): Promise<SignedIn> {
  const peerUid = createPeerUid();
  try {
    const provider = createIdentityProvider({
      ...{ profile, clock: systemClock, fetch: globalThis.fetch, random: randomBytes, openBrowser, peerUid },
      ...{ audit: recordingAudit(), log: () => {}, uid: process.getuid?.() ?? -1 },
    });
    say('Sign in with your key in the browser that opens, or at this address:');
    const signedIn = await provider.signIn({ signal: AbortSignal.timeout(300_000), onUrl: (url) => say(url.href) });
    // Nothing here refreshes; a token that nobody needs is taken back.
    if (signedIn.refreshToken !== null) await provider.revoke(signedIn.refreshToken);
    return signedIn;
  } finally {
    await peerUid.close();
  }
}

function hideSignIn(redaction: Redaction, { subjectToken, refreshToken, identity }: SignedIn): void {
  const jwt = subjectToken.jwt.reveal();
  for (const secret of [jwt, ...jwt.split('.').slice(1), refreshToken?.reveal() ?? '']) redaction.hide(secret);
  for (const name of [identity.username, identity.displayName, identity.subject]) redaction.rename(name, 'user');
}

function describeSignIn({ assurance, refreshToken }: SignedIn, { assurance: { maxAge } }: Profile): Finding[] {
  const { level, acr, amr, authTime } = assurance;
  const age = authTime === null ? null : systemClock.now() - authTime;
  return [
    promised('The sign-in is proven as strongly as the profile demands', true, level),
    learned('A loopback redirect to 127.0.0.1 with a port of its own', 'taken'),
    learned('acr and amr that came back', `${acr ?? 'no acr'}; ${amr.join(' ') || 'no amr'}`),
    learned('max_age was obeyed', age === null ? 'unknown: no auth_time' : age <= maxAge ? 'yes' : 'no: auth_time is older'),
    learned('A refresh token', refreshToken === null ? 'none came' : 'came'),
  ];
}

function table(findings: readonly Finding[], { clean }: Redaction): string[] {
  const cell = (text: string): string => clean(text).replaceAll('|', '\\|');
  const mark = ({ held }: Finding): string => (held === undefined ? '' : held ? 'held' : 'BROKEN');
  return [
    ...['| question | answer | promise |', '| --- | --- | --- |'],
    ...findings.map((finding) => `| ${cell(finding.question)} | ${cell(finding.answer)} | ${mark(finding)} |`),
  ];
}

if (import.meta.main) {
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  process.exitCode = await runLive({ env: process.env, say, openBrowser: (url) => openSystemBrowser(url) });
}
