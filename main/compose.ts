/** The composition root: the only file that knows everyone. It reads top to bottom as the architecture. */
import { join } from 'node:path';
import { type Agent, type Company, createAgent } from './agent.ts';
import { takeAgentLock } from './agent-lock.ts';
import { AppError, asAppError } from './app-error.ts';
import { openAuditLog } from './audit/log.ts';
import { createBroker } from './broker/broker.ts';
import { createPeerUid } from './caller/peer-uid.ts';
import { createControlDoor } from './control/door.ts';
import { controlRoutes } from './control/routes.ts';
import { createTokens } from './databricks/tokens.ts';
import { openGrants } from './grant/grants.ts';
import { createIdentityProvider } from './idp/identity-provider.ts';
import { makePlaces, type Places } from './places.ts';
import type { Ports } from './ports.ts';
import type { Config, Profile } from './profile/profile.ts';
import { createSession } from './session/session.ts';
import { seconds } from './units.ts';
import { openVault } from './vault/vault.ts';

export interface Running {
  agent: Agent;
  port: number;
  /** Ends everything in the order that loses nothing; sessions stay in the vault. */
  close(reason: string): Promise<void>;
}

interface Setting {
  config: Config;
  places: Places;
  uid: number;
  version: string;
  /** Called when somebody asks the agent to stop. */
  onStop: () => void;
  /** Names the step of a token rotation that has just been done; used by hosts under test to observe, never to skip. */
  steps?: (name: string) => void | Promise<void>;
}

/**
 * Builds and starts the agent: everything is either up when this resolves, or closed again when it throws.
 *
 * @throws AppError RUNTIME_UNSAFE | RUNTIME_PATH_TOO_LONG | AGENT_RUNNING | KEYCHAIN_* | AUDIT_UNWRITABLE | DISK_FULL | PLATFORM_UNSUPPORTED
 */
export async function compose(ports: Ports, { config, places, uid, version, onStop, steps }: Setting): Promise<Running> {
  // check: platform-known
  if (process.platform !== 'linux') throw new AppError('PLATFORM_UNSUPPORTED');
  // end check
  const { clock, fetch, random, log } = ports;
  const startedAt = clock.now();
  const closers: ((reason: string) => unknown)[] = [];
  const close = async (reason: string): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) {
      try {
        await closer(reason);
      } catch (error) {
        // One part that cannot end well must not keep the vault's key in memory or the lock in its place.
        log('agent.close-failed', { error: error instanceof Error ? error.name : 'unknown' });
      }
    }
  };

  try {
    await makePlaces(places);
    const lock = await takeAgentLock({ folder: places.runtime, clock });
    closers.push(() => lock.release());

    const auditFolder = join(places.state, 'audit');
    const audit = await openAuditLog({ folder: auditFolder, clock, random, log });
    closers.push(() => audit.close());
    let started = false;
    closers.push((reason) => started && recordStop(String(reason)));

    const vault = await openVault({ folder: join(places.data, 'vault'), keychain: ports.keychain, random });
    closers.push(() => vault.close());

    const grants = await openGrants({ file: join(places.state, 'grants.json'), clock, random, audit, log });
    closers.push(() => grants.close());

    const peerUid = createPeerUid();
    closers.push(() => peerUid.close());

    const companies = new Map<string, Company>();
    for (const profile of config.profiles.values()) {
      const company = openCompany(profile);
      closers.push(() => company.session.close());
      await company.session.resume();
      companies.set(profile.name, company);
    }

    const broker = createBroker({
      clock,
      grants,
      peerUid,
      uid,
      audit,
      log,
      random,
      portFile: join(places.state, 'port'),
      tokens: (profile) => companies.get(profile)?.tokens,
      onUse: (profile) => companies.get(profile)?.session.touch(),
      lease: (profile) => companies.get(profile)?.profile.limits.lease ?? seconds(60),
      onRefused: (grant, failure) => agent.grantRefused(grant, failure),
    });
    const { port, moved } = await broker.start();
    closers.push(() => broker.close());

    const problems = [grants.problem, moved ? new AppError('PORT_TAKEN').toFailure() : null].filter((failure) => failure !== null);
    const agent = createAgent({
      version,
      startedAt,
      vault: vault.kind,
      configFile: places.config,
      companies,
      grants,
      broker,
      audit: { append: (event) => audit.append(event), tail: (count) => audit.tail(count), folder: auditFolder },
      clock,
      problems,
      stop: onStop,
    });

    const control = createControlDoor({ socketPath: places.socket, routes: controlRoutes(agent), log });
    await control.start();
    closers.push(() => control.close());

    audit.append({ type: 'agent.started', version, vault: vault.kind, port });
    started = true;
    return { agent, port, close };

    function recordStop(reason: string): void {
      try {
        audit.append({ type: 'agent.stopped', reason });
      } catch (error) {
        log('audit.unwritable-at-stop', { code: asAppError(error).code });
      }
    }

    function openCompany(profile: Profile): Company {
      let opened = Promise.withResolvers<'opened' | 'none'>();
      const openBrowser: Ports['openBrowser'] = async (url) => {
        const outcome = await ports.openBrowser(url);
        opened.resolve(outcome);
        return outcome;
      };
      const idp = createIdentityProvider({ profile, clock, fetch, random, openBrowser, audit, log, peerUid, uid });
      const session = createSession({ profile, idp, vault, clock, random, audit, log, ...(steps === undefined ? {} : { steps }) });
      const tokens = createTokens({
        profile,
        clock,
        fetch,
        random,
        audit,
        log,
        subjectToken: (needs) => session.subjectToken(needs),
        subject: () => session.view().identity?.subject ?? '',
      });
      session.onEnd((_, error) => tokens.forget(error ?? undefined));
      const browser = (): Promise<'opened' | 'none'> => {
        opened = Promise.withResolvers();
        return opened.promise;
      };
      return { profile, session, tokens, browser };
    }
  } catch (error) {
    await close('failed to start');
    throw error;
  }
}
