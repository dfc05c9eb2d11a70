/** What can be asked at the control door. Every answer is a view from `preload/contract/`; the work is done by the agent. */

import { z } from 'zod';
import type { SentView } from '../../preload/contract/audit.ts';
import {
  auditQuerySchema,
  childRequestSchema,
  type DeniedList,
  deniedForgetRequestSchema,
  type GrantNews,
  type GrantProgress,
  type GrantView,
  grantEndRequestSchema,
  grantRequestSchema,
  type HandOver,
  type LogKeyView,
  resetRequestSchema,
  type StatusView,
  sealRequestSchema,
  signInRequestSchema,
  signInStartSchema,
  signOutRequestSchema,
  tokenRequestSchema,
  unlockRequestSchema,
  widenRequestSchema,
} from '../../preload/contract/control.ts';
import { type DoctorLine, doctorRequestSchema } from '../../preload/contract/doctor.ts';
import { enrollAcceptSchema, enrollLeaveSchema, enrollLookSchema, type OfferView } from '../../preload/contract/enroll.ts';
import type { HealthView } from '../../preload/contract/health.ts';
import { keyRegistrationRequestSchema } from '../../preload/contract/key-registration.ts';
import type { LockView } from '../../preload/contract/lock.ts';
import { type MdsView, mdsImportRequestSchema } from '../../preload/contract/mds.ts';
import { type ProfileTrial, profileInitRequestSchema, profileTryRequestSchema } from '../../preload/contract/profile-init.ts';
import { type ServicePrincipalView, secretRemoveRequestSchema, secretSetRequestSchema } from '../../preload/contract/service-principal.ts';
import type { SessionView, SignOutReport } from '../../preload/contract/session.ts';
import { type SettingsView, settingChangeSchema } from '../../preload/contract/settings.ts';
import { workspaceProfileSchema } from '../../preload/contract/setup.ts';
import { keyRequestSchema } from '../../preload/contract/tap-key.ts';
import { AppError } from '../app-error.ts';
import type { Caller } from '../caller/caller.ts';
import { type Route, route } from './door.ts';

type Opened = 'opened' | 'none' | 'shown';
export type StopReason = 'asked to stop' | 'handed over';
/** Lines of an answer that may take a while, the last of which says how it ended. */
type Progress<T> = (send: (line: T) => void, signal: AbortSignal) => Promise<void>;

/** The agent as its control door sees it. `by`: who asks, as the system says (see `door.ts`). */
export interface ControlledAgent {
  status(): StatusView;
  beginSignIn(
    request: z.output<typeof signInStartSchema>,
    by: Caller,
  ): Promise<{ profile: string; url: string; browser: 'opened' | 'none' }>;
  /** Waits for the attempt that is under way, or that ended last. */
  signInOutcome(profile: string | undefined): Promise<{ profile: string; session: SessionView }>;
  cancelSignIn(profile: string | undefined): boolean;
  signOut(profile: string | undefined): Promise<SignOutReport[]>;
  /** The last line is `made` or `failure`; whoever goes away before withdraws the request. */
  makeGrant(request: z.output<typeof grantRequestSchema>, by: Caller): Progress<GrantProgress>;
  /** `lakepass run` has started its program. */
  addChild(request: z.output<typeof childRequestSchema>, by: Caller): Promise<GrantView>;
  widen(request: z.output<typeof widenRequestSchema>, by: Caller): Progress<unknown>;
  grants(): GrantView[];
  endGrants(request: z.output<typeof grantEndRequestSchema>): Promise<number>;
  /** Calls `send` for every refusal and request of the grant and once for its end; resolves when the grant has ended or `signal` aborts. */
  followGrant(id: string, by: Caller, send: (news: GrantNews) => void, signal: AbortSignal): Promise<void>;
  /** From a grant that the caller is a member of. @throws AppError TAP_NEEDED where none covers it: then a person has to be asked */
  token(request: z.output<typeof tokenRequestSchema>, by: Caller): Promise<unknown>;
  /** The same, asking where it must; the last line is `token` or `failure`. */
  askForToken(request: z.output<typeof tokenRequestSchema>, by: Caller): Progress<unknown>;
  denied(): DeniedList;
  /** @throws AppError CALLER_REFUSED: an AI agent does not undo what a person has said */
  forgetDenial(id: string, by: Caller): boolean;
  openUi(): Promise<{ url: string | null; browser: Opened }>;
  lock(): Promise<LockView>;
  unlock(request: z.output<typeof unlockRequestSchema>, by: Caller): Promise<{ lock: LockView; url: string | null; browser: Opened }>;
  /** @param signal whoever asks has gone: a person need not answer any more */
  seal(request: z.output<typeof sealRequestSchema>, by: Caller, signal: AbortSignal): Promise<LockView>;
  reset(by: Caller, how?: { leaving?: boolean | undefined }): Promise<{ grants: number; keys: number }>;
  servicePrincipals(): ServicePrincipalView[];
  /** @throws AppError CALLER_REFUSED (an AI agent) | PROFILE_UNKNOWN | INPUT_INVALID | LOCKED | VAULT_SEALED | PASSPHRASE_NEEDED | DISK_FULL */
  setSecret(request: z.output<typeof secretSetRequestSchema>, by: Caller): Promise<ServicePrincipalView>;
  removeSecret(request: z.output<typeof secretRemoveRequestSchema>, by: Caller): Promise<ServicePrincipalView>;
  auditTail(limit: number): Promise<{ folder: string; records: unknown[] }>;
  /** @throws AppError AUDIT_NOT_SEALED: the device could not be obtained yet */
  auditKey(): LogKeyView;
  /** Whether another host may take over; it does once this agent has stopped. @throws AppError HANDOVER_REFUSED */
  handOver(by: Caller): HandOver;
  stop(why: StopReason): void;
}

/** Whoever makes a profile of a workspace's address. */
export interface WorkspaceProfiles {
  /** @throws AppError INPUT_INVALID | SCOPE_UNKNOWN | CONFIG_* | CALLER_REFUSED | DISK_FULL */
  workspaceProfile(
    request: z.output<typeof workspaceProfileSchema>,
    by: Caller,
  ): Promise<{ profile: string; state: 'in-use' | 'made' | 'waiting' }>;
}

/** Whoever makes one of what a person has at hand: looked at, written, tried. */
export interface ProfileMaking {
  draftProfile(request: z.output<typeof profileInitRequestSchema>, by: Caller): Promise<unknown>;
  addProfile(request: z.output<typeof profileInitRequestSchema>, by: Caller): ReturnType<WorkspaceProfiles['workspaceProfile']>;
  tryProfile(request: z.output<typeof profileTryRequestSchema>, by: Caller): Promise<ProfileTrial>;
}

const nothing = z.strictObject({});

/** What is wrong, beyond what `ControlledAgent` knows. */
export interface ControlledDoctor {
  /** The last line is the view. @throws AppError PROFILE_UNKNOWN */
  look(
    question: { profile?: string | undefined; grant?: string | undefined; terminal: readonly string[] },
    tell: (line: DoctorLine) => void,
  ): Promise<void>;
}

/** What Lakepass depends on. */
export interface ControlledHealth {
  health(): Promise<HealthView>;
}

/** What has left this device. */
export interface ControlledSending {
  /** @throws AppError AUDIT_BROKEN */
  sentRecords(): SentView;
}

/** Whoever takes keys out of use, and FIDO's metadata in. */
export interface ControlledKeys {
  /** @throws AppError CALLER_REFUSED (an AI agent) | INPUT_INVALID (key) | DISK_FULL */
  keyLost(key: string, by: Caller): Promise<{ profiles: string[] }>;
  /** @throws AppError CALLER_REFUSED (an AI agent) | INPUT_INVALID (key, last-key) | DISK_FULL */
  keyRetired(key: string, by: Caller): Promise<void>;
  metadata(): MdsView | null;
  /** @throws AppError INPUT_INVALID (file) | MDS_INVALID | MDS_OLD | DISK_FULL */
  importMetadata(file: string): Promise<{ mds: MdsView; judged: number }>;
}

/** Whoever has a security key registered at the identity provider; see `KeyRegistering`. */
export interface ControlledRegistering {
  registerKey(request: z.output<typeof keyRegistrationRequestSchema>, by: Caller): Promise<unknown>;
  keyRegistration(profile: string | undefined): Promise<unknown>;
  proveKey(request: z.output<typeof keyRegistrationRequestSchema>, by: Caller): Promise<unknown>;
  keyProof(profile: string | undefined): Promise<unknown>;
}

/** What is set on this device. */
export interface ControlledSettings {
  settings(): SettingsView;
  /** @throws AppError CALLER_REFUSED (an AI agent) | INPUT_INVALID | SETTING_LOCKED | DISK_FULL */
  changeSetting(change: z.output<typeof settingChangeSchema>, by: Caller): Promise<SettingsView>;
}

/** Whoever joins a company, and leaves it. */
export interface ControlledEnrolling {
  /** Nothing is kept. @throws AppError CALLER_REFUSED (an AI agent) | INVITATION_INVALID | ENROLLED_ELSEWHERE | BUNDLE_* */
  lookAtOffer(link: string, by: Caller): Promise<OfferView>;
  /**
   * Waits for a touch, where one is asked for.
   * @param request.hash of the offer that the person has seen
   * @param signal whoever asks has gone: nothing is kept
   * @throws AppError OFFER_CHANGED | TAP_KEY_NEEDED | CONSENT_* | DISK_FULL, and as `lookAtOffer`
   */
  acceptOffer(request: z.output<typeof enrollAcceptSchema>, by: Caller, signal: AbortSignal): Promise<void>;
  /** @throws AppError CALLER_REFUSED (an AI agent) | ENROLLED_BY_IT | NOT_ENROLLED | TAP_KEY_NEEDED | CONSENT_* | DISK_FULL */
  leaveCompany(by: Caller, signal: AbortSignal): Promise<void>;
}

/** The table of the control door: method, path, what it takes, what it does. Routes marked `attributed` need a proven caller. */
export const controlRoutes = (
  agent: ControlledAgent &
    WorkspaceProfiles &
    ProfileMaking &
    ControlledDoctor &
    ControlledHealth &
    ControlledSettings &
    ControlledKeys &
    ControlledRegistering &
    ControlledSending &
    ControlledEnrolling,
): Route[] => [
  route('GET', '/v1/status', nothing, () => ({ json: agent.status() })),
  // Without a version, as monitoring expects it.
  route('GET', '/health', nothing, async () => ({ json: await agent.health() })),
  route('GET', '/v1/doctor', doctorRequestSchema, ({ input: { variables, ...input } }) => ({
    lines: (send) => agent.look({ ...input, terminal: variables === '' ? [] : variables.split(',') }, send),
  })),
  route('POST', '/v1/sign-in', signInStartSchema, async ({ input, by }) => ({ json: await agent.beginSignIn(input, by) }), 'attributed'),
  route('GET', '/v1/sign-in', signInRequestSchema, async ({ input }) => ({ json: await agent.signInOutcome(input.profile) })),
  route('POST', '/v1/sign-in/cancel', signInRequestSchema, ({ input }) => ({ json: { cancelled: agent.cancelSignIn(input.profile) } })),
  route('POST', '/v1/sign-out', signOutRequestSchema, async ({ input }) => ({ json: { reports: await agent.signOut(input.profile) } })),
  route(
    'POST',
    '/v1/profiles/workspace',
    workspaceProfileSchema,
    async ({ input, by }) => ({ json: await agent.workspaceProfile(input, by) }),
    'attributed',
  ),
  route(
    'POST',
    '/v1/profiles/draft',
    profileInitRequestSchema,
    async ({ input, by }) => ({ json: await agent.draftProfile(input, by) }),
    'attributed',
  ),
  route(
    'POST',
    '/v1/profiles/add',
    profileInitRequestSchema,
    async ({ input, by }) => ({ json: await agent.addProfile(input, by) }),
    'attributed',
  ),
  route(
    'POST',
    '/v1/profiles/try',
    profileTryRequestSchema,
    async ({ input, by }) => ({ json: await agent.tryProfile(input, by) }),
    'attributed',
  ),
  route('GET', '/v1/grants', nothing, () => ({ json: { grants: agent.grants() } })),
  route('POST', '/v1/grants', grantRequestSchema, ({ input, by }) => ({ lines: agent.makeGrant(input, by) }), 'attributed'),
  route('POST', '/v1/grants/child', childRequestSchema, async ({ input, by }) => ({ json: await agent.addChild(input, by) }), 'attributed'),
  route('POST', '/v1/grants/widen', widenRequestSchema, ({ input, by }) => ({ lines: agent.widen(input, by) }), 'attributed'),
  route('POST', '/v1/grants/end', grantEndRequestSchema, async ({ input }) => ({ json: { ended: await agent.endGrants(input) } })),
  route(
    'GET',
    '/v1/grants/news/',
    nothing,
    ({ rest, by }) => {
      const [id, ...more] = rest;
      if (id === undefined || more.length > 0) throw new AppError('ROUTE_UNKNOWN', { reason: 'route' });
      return { lines: (send, signal) => agent.followGrant(id, by, send, signal) };
    },
    'attributed',
  ),
  route('POST', '/v1/token', tokenRequestSchema, async ({ input, by }) => ({ json: await agent.token(input, by) }), 'attributed'),
  route('POST', '/v1/token/ask', tokenRequestSchema, ({ input, by }) => ({ lines: agent.askForToken(input, by) }), 'attributed'),
  route('GET', '/v1/denied', nothing, () => ({ json: agent.denied() })),
  route(
    'POST',
    '/v1/denied/forget',
    deniedForgetRequestSchema,
    ({ input, by }) => ({ json: { forgotten: agent.forgetDenial(input.id, by) } }),
    'attributed',
  ),
  route('POST', '/v1/ui', nothing, async () => ({ json: await agent.openUi() })),
  route('POST', '/v1/lock', nothing, async () => ({ json: { lock: await agent.lock() } })),
  route('POST', '/v1/unlock', unlockRequestSchema, async ({ input, by }) => ({ json: await agent.unlock(input, by) }), 'attributed'),
  route(
    'POST',
    '/v1/seal',
    sealRequestSchema,
    async ({ input, by, signal }) => ({ json: { lock: await agent.seal(input, by, signal) } }),
    'attributed',
  ),
  route('POST', '/v1/reset', resetRequestSchema, async ({ input, by }) => ({ json: await agent.reset(by, input) }), 'attributed'),
  route('GET', '/v1/service-principals', nothing, () => ({ json: { servicePrincipals: agent.servicePrincipals() } })),
  route(
    'POST',
    '/v1/service-principals/secret',
    secretSetRequestSchema,
    async ({ input, by }) => ({ json: { servicePrincipal: await agent.setSecret(input, by) } }),
    'attributed',
  ),
  route(
    'POST',
    '/v1/service-principals/secret/remove',
    secretRemoveRequestSchema,
    async ({ input, by }) => ({ json: { servicePrincipal: await agent.removeSecret(input, by) } }),
    'attributed',
  ),
  route('POST', '/v1/keys/lost', keyRequestSchema, async ({ input, by }) => ({ json: await agent.keyLost(input.key, by) }), 'attributed'),
  route(
    'POST',
    '/v1/keys/retire',
    keyRequestSchema,
    async ({ input, by }) => {
      await agent.keyRetired(input.key, by);
      return { json: { retired: true } };
    },
    'attributed',
  ),
  route(
    'POST',
    '/v1/keys/register',
    keyRegistrationRequestSchema,
    async ({ input, by }) => ({ json: await agent.registerKey(input, by) }),
    'attributed',
  ),
  route('GET', '/v1/keys/register', keyRegistrationRequestSchema, async ({ input }) => ({
    json: await agent.keyRegistration(input.profile),
  })),
  route(
    'POST',
    '/v1/keys/prove',
    keyRegistrationRequestSchema,
    async ({ input, by }) => ({ json: await agent.proveKey(input, by) }),
    'attributed',
  ),
  route('GET', '/v1/keys/prove', keyRegistrationRequestSchema, async ({ input }) => ({ json: await agent.keyProof(input.profile) })),
  route('GET', '/v1/mds', nothing, () => ({ json: { mds: agent.metadata() } })),
  route('POST', '/v1/mds', mdsImportRequestSchema, async ({ input }) => ({ json: await agent.importMetadata(input.file) }), 'attributed'),
  route('GET', '/v1/settings', nothing, () => ({ json: agent.settings() })),
  route(
    'POST',
    '/v1/settings',
    settingChangeSchema,
    async ({ input, by }) => ({ json: await agent.changeSetting(input, by) }),
    'attributed',
  ),
  route(
    'POST',
    '/v1/enroll/look',
    enrollLookSchema,
    async ({ input, by }) => ({ json: await agent.lookAtOffer(input.link, by) }),
    'attributed',
  ),
  route(
    'POST',
    '/v1/enroll/accept',
    enrollAcceptSchema,
    async ({ input, by, signal }) => {
      await agent.acceptOffer(input, by, signal);
      return { json: { enrolled: true } };
    },
    'attributed',
  ),
  route(
    'POST',
    '/v1/enroll/leave',
    enrollLeaveSchema,
    async ({ by, signal }) => {
      await agent.leaveCompany(by, signal);
      return { json: { left: true } };
    },
    'attributed',
  ),
  route('GET', '/v1/audit', auditQuerySchema, async ({ input }) => ({ json: await agent.auditTail(input.limit) })),
  route('GET', '/v1/audit/sent', nothing, () => ({ json: agent.sentRecords() })),
  route('GET', '/v1/audit/key', nothing, () => ({ json: agent.auditKey() })),
  route('POST', '/v1/stop', nothing, () => ({ json: { stopping: true }, afterwards: () => agent.stop('asked to stop') })),
  route(
    'POST',
    '/v1/hand-over',
    nothing,
    ({ by }) => ({ json: agent.handOver(by), afterwards: () => agent.stop('handed over') }),
    'attributed',
  ),
];
