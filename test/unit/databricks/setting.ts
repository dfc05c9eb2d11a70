/** A profile, a session that refreshes as the real one does, two scripted workspaces, and the tokens between them. */
import { AppError } from '../../../main/app-error.ts';
import { createFederation } from '../../../main/databricks/federation.ts';
import { createTokens, type Tokens } from '../../../main/databricks/tokens.ts';
import type { SubjectToken } from '../../../main/idp/signed-in.ts';
import type { Log } from '../../../main/ports.ts';
import { type Profile, profileSchema } from '../../../main/profile/profile.ts';
import { Secret } from '../../../main/secret.ts';
import type { Timed } from '../../../main/timed.ts';
import { type EpochMs, later, type Ms, ms, seconds } from '../../../main/units.ts';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';
import { type RecordingAudit, recordingAudit } from '../../fakes/recording-audit.ts';
import { jwtOf, type ScriptedNetwork, type ScriptedWorkspace, scriptedNetwork } from './scripted-workspace.ts';

export const HOST = 'https://acme.cloud.databricks.com';
export const OTHER_HOST = 'https://beta.cloud.databricks.com';

export const profileOf = (limits: Record<string, string> = {}, more: Record<string, unknown> = {}): Profile => ({
  name: 'acme',
  ...profileSchema.parse({
    idp: { issuer: 'https://login.acme.example', clientId: 'lakepass' },
    limits,
    workspaces: [
      { name: 'acme', host: HOST },
      { name: 'beta', host: OTHER_HOST },
    ],
    ...more,
  }),
});

export interface FakeSession {
  /** Life of the tokens the provider issues from now on. */
  life: Ms;
  calls: { life: Ms }[];
  issued: number;
  failure: AppError | undefined;
  /** Whose session it is; '' while nobody is signed in. */
  subject: string;
  signedInAt: string | null;
  groups: readonly string[];
  /** Settles before any call answers. */
  gate: Promise<void>;
  subjectToken(needs: { life: Ms }): Promise<SubjectToken>;
}

export function fakeSession(clock: FakeClock, life: Ms): FakeSession {
  let current: SubjectToken | undefined;
  const session: FakeSession = {
    life,
    calls: [],
    issued: 0,
    failure: undefined,
    subject: 'alice-subject',
    signedInAt: '2026-01-01T08:00:00.000Z',
    groups: [],
    gate: Promise.resolve(),
    async subjectToken(needs) {
      session.calls.push(needs);
      await session.gate;
      if (session.failure) throw session.failure;
      const left = current ? current.expiresAt - clock.now() : 0;
      if (!current || left <= (current.expiresAt - current.issuedAt) / 2 || left <= needs.life) current = issue();
      return current;
    },
  };
  function issue(): SubjectToken {
    session.issued += 1;
    // Providers write whole seconds.
    const issuedAt = (Math.floor(clock.now() / 1000) * 1000) as EpochMs;
    const expiresAt = later(issuedAt, session.life);
    return { jwt: new Secret(jwtOf({ exp: expiresAt / 1000, jti: session.issued })), issuedAt, expiresAt };
  }
  return session;
}

export interface Setting {
  clock: FakeClock;
  network: ScriptedNetwork;
  acme: ScriptedWorkspace;
  beta: ScriptedWorkspace;
  session: FakeSession;
  timed: Timed[];
  audit: RecordingAudit;
  logged: { event: string; fields: Record<string, unknown> }[];
  tokens: Tokens;
  /** Asks for `scopes` of acme with `wait` to spare. */
  get(scopes?: readonly string[], wait?: Ms): ReturnType<Tokens['get']>;
}

export function setUp(
  options: { life?: Ms; limits?: Record<string, string>; profile?: Record<string, unknown>; random?: (bytes: number) => Buffer } = {},
): Setting {
  const clock = fakeClock();
  const network = scriptedNetwork(clock);
  const acme = network.workspace(HOST);
  const beta = network.workspace(OTHER_HOST);
  const session = fakeSession(clock, options.life ?? seconds(3600));
  const audit = recordingAudit();
  const logged: Setting['logged'] = [];
  const profile = profileOf(options.limits, options.profile);
  const log: Log = (event, fields = {}) => void logged.push({ event, fields });
  const timed: Timed[] = [];
  const tokens = createTokens({
    timed: (each) => void timed.push(each),
    ...{ profile, clock, audit, log },
    source: createFederation({
      profile,
      clock,
      log,
      fetch: network.fetch,
      subjectToken: session.subjectToken,
      groups: () => session.groups,
    }),
    random: options.random ?? ((bytes) => Buffer.alloc(bytes, 0x7f)),
    subject: () => session.subject,
    signedInAt: () => session.signedInAt,
  });
  return {
    ...{ clock, network, acme, beta, session, audit, logged, tokens, timed },
    get: (scopes = ['sql'], wait = seconds(8)) => tokens.get({ workspace: HOST, scopes, deadline: later(clock.now(), wait) }),
  };
}

/** The code a promise is refused with; a success is none. */
export const codeOf = (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof AppError) return error.code;
      throw error;
    },
  );

/** Moves time on in small steps, so that what answers in between arrives in between. */
export async function elapse(clock: FakeClock, by: number, settle: () => Promise<void>, step = 250): Promise<void> {
  await settle();
  for (let left = by; left > 0; left -= step) {
    await clock.advance(ms(Math.min(step, left)));
    await settle();
  }
}
