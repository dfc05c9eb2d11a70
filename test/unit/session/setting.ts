/** A session on fakes, and the means to kill its process: from then on it neither runs, nor writes, nor sends. */
import { randomBytes } from 'node:crypto';
import type { IdentityProvider } from '../../../main/idp/signed-in.ts';
import type { Clock } from '../../../main/ports.ts';
import { type Profile, profileSchema } from '../../../main/profile/profile.ts';
import type { RotationStep } from '../../../main/session/rotation.ts';
import { createSession, type Session } from '../../../main/session/session.ts';
import type { Timed } from '../../../main/timed.ts';
import type { Ms } from '../../../main/units.ts';
import type { Vault } from '../../../main/vault/vault.ts';
import { type FakeClock, fakeClock } from '../../fakes/fake-clock.ts';
import { type MemoryDisk, memoryDisk } from '../../fakes/memory-disk.ts';
import { type RecordingAudit, recordingAudit } from '../../fakes/recording-audit.ts';
import { type StrictIdp, strictIdp } from '../../fakes/strict-idp.ts';

export const profileWith = (limits: Record<string, string> = {}, idp: Record<string, unknown> = {}): Profile => ({
  ...profileSchema.parse({
    idp: { issuer: 'https://idp.example', clientId: 'lakepass', ...idp },
    limits,
    workspaces: [{ name: 'main', host: 'https://acme.cloud.databricks.com' }],
  }),
  name: 'acme',
});

export interface Life {
  session: Session;
  steps: RotationStep[];
  timed: Timed[];
  ends: string[];
  /** What each of them was told to be: the code of the failure, or null. */
  endedBy: (string | null)[];
  /** SIGKILL. */
  kill(): void;
  /** Kills the process as soon as `step` is done; resolves then. */
  killedAt(step: RotationStep): Promise<void>;
}

export interface Setting {
  clock: FakeClock;
  idp: StrictIdp;
  disk: MemoryDisk;
  audit: RecordingAudit;
  /** A new process over the same disk and provider. */
  start(options?: { profile?: Profile; kind?: Vault['kind']; vault?: Vault }): Life;
}

const never = () => new Promise<never>(() => undefined);
export const noNeeds = { life: 0 as Ms };
export const signInOptions = { onUrl: () => undefined };

export function setting(): Setting {
  const clock = fakeClock();
  const idp = strictIdp(clock);
  const disk = memoryDisk();
  const audit = recordingAudit();
  return { clock, idp, disk, audit, start: (options = {}) => startLife({ clock, idp, disk, audit }, options) };
}

function startLife(
  { clock, idp, disk, audit }: Omit<Setting, 'start'>,
  { profile = profileWith(), kind, vault = disk.vault(kind) }: Parameters<Setting['start']>[0] & object,
): Life {
  const life = { dead: false };
  const steps: RotationStep[] = [];
  const timed: Timed[] = [];
  const ends: string[] = [];
  const endedBy: (string | null)[] = [];
  let watch: { step: RotationStep; reached: () => void } | null = null;
  const session = createSession({
    profile,
    idp: mortal<IdentityProvider>(idp, life),
    vault: mortal(vault, life),
    clock: mortalClock(clock, life),
    random: randomBytes,
    audit,
    log: () => undefined,
    timed: (each) => void timed.push(each),
    steps: (step) => {
      steps.push(step);
      if (watch?.step !== step) return undefined;
      life.dead = true;
      watch.reached();
      return never();
    },
  });
  session.onEnd((why, error) => {
    ends.push(why);
    endedBy.push(error?.code ?? null);
  });
  return {
    session,
    steps,
    timed,
    ends,
    endedBy,
    kill: () => {
      life.dead = true;
    },
    killedAt: (step) =>
      new Promise((reached) => {
        watch = { step, reached };
      }),
  };
}

/** Once dead, calls neither arrive nor return. */
function mortal<T extends object>(port: T, life: { dead: boolean }): T {
  return new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...parts: unknown[]) => {
        if (life.dead) return never();
        const answer: unknown = Reflect.apply(member, target, parts);
        if (!(answer instanceof Promise)) return answer;
        return answer.then(
          (value: unknown) => (life.dead ? never() : value),
          (error: unknown) => (life.dead ? never() : Promise.reject(error)),
        );
      };
    },
  });
}

const mortalClock = (clock: FakeClock, life: { dead: boolean }): Clock => ({
  now: () => clock.now(),
  elapsed: () => clock.elapsed(),
  sinceBoot: () => clock.sinceBoot(),
  after: (delay, run) => clock.after(delay, () => !life.dead && run()),
});

/** The code and reason of what `work` rejects with, or 'fine'. */
export const outcome = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'fine';
  } catch (error) {
    const { code, reason } = error as { code?: string; reason?: string };
    return reason === undefined ? String(code) : `${code} ${reason}`;
  }
};
