/** The composition root: the only file that knows everyone. It reads top to bottom as the architecture. */
import { readFile, rm } from 'node:fs/promises';
import { homedir, release } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { lockViewSchema } from '../preload/contract/lock.ts';
import { createAccess } from './agent/access.ts';
import { createActivity } from './agent/activity.ts';
import { type Agent, type Company, createAgent } from './agent/agent.ts';
import { type Alerting, openAlerting } from './agent/alerting.ts';
import { createApprovals } from './agent/approvals.ts';
import { approverIn, createCeremonies, keeperOf, type Person, personIn } from './agent/ceremonies.ts';
import { createDoctor } from './agent/doctor.ts';
import { createEnrolling } from './agent/enrolling.ts';
import { createExporting, type Exporting } from './agent/exporting.ts';
import { createGrantMaking } from './agent/grant-making.ts';
import { createDependencies } from './agent/health.ts';
import { createKeyKeeping } from './agent/key-keeping.ts';
import { createKeyRegistering } from './agent/key-registering.ts';
import { createLocking } from './agent/locking.ts';
import { createManaging } from './agent/managing.ts';
import { createMeasuring, gaugesOf } from './agent/measuring.ts';
import { openOwnFiles } from './agent/own-files.ts';
import { createUiAgent } from './agent/pages-agent.ts';
import { createPolicyPage } from './agent/policy-page.ts';
import { openPreferences } from './agent/preferences.ts';
import { createProfileInit } from './agent/profile-init.ts';
import { createQuestions } from './agent/questions.ts';
import { createSealing } from './agent/sealing.ts';
import { createDeviceSettings, requireAllowed, underSettings } from './agent/settings.ts';
import { settingsThatHold } from './agent/settings-that-hold.ts';
import { openStamp } from './agent/stamp.ts';
import { hostKind } from './agent/status.ts';
import { tableTokenFrom } from './agent/table-token.ts';
import { createTracing } from './agent/tracing.ts';
import { takeAgentLock } from './agent-lock.ts';
import { AppError, asAppError, hasCode } from './app-error.ts';
import { deviceOf } from './audit/checkpoint.ts';
import { createCheckpoints } from './audit/checkpoints.ts';
import type { AuditLog } from './audit/event.ts';
import { type DiskFull, openAuditLog } from './audit/log.ts';
import { createTally } from './audit/tally.ts';
import { createVerifying } from './audit/verifying.ts';
import { createBroker } from './broker/broker.ts';
import { type Caller, unknownCaller } from './caller/caller.ts';
import { createCallers } from './caller/callers.ts';
import { describeCaller } from './caller/describe.ts';
import { createControlDoor } from './control/door.ts';
import { controlRoutes, type StopReason } from './control/routes.ts';
import { widthWords } from './databricks/authorisation.ts';
import { createDirect } from './databricks/direct.ts';
import { createFederation } from './databricks/federation.ts';
import { scopeCatalogue, scopeWords } from './databricks/scopes.ts';
import { createTokens } from './databricks/tokens.ts';
import { createMonitor } from './doctor/monitor.ts';
import { type Held, openEnrollment } from './enroll/enrollment.ts';
import { type ManagedReading, readManagedSettings } from './enroll/managed-settings.ts';
import { openRecordSending } from './enroll/record-sending.ts';
import { joinSettings } from './enroll/settings.ts';
import { requireAllowedKey } from './enroll/tap-key-rules.ts';
import { createConsents } from './grant/consents.ts';
import { openGrants } from './grant/grants.ts';
import { createMembers } from './grant/members.ts';
import { openPermissions } from './grant/permissions.ts';
import { createWorkspaceProvider } from './idp/databricks-provider.ts';
import { createIdentityProvider } from './idp/identity-provider.ts';
import { createProviderProbe } from './idp/probe.ts';
import type { Identity } from './idp/signed-in.ts';
import { environmentFacts, environmentNotes } from './net/environment.ts';
import { systemFindsOwnName } from './pages/own-name.ts';
import { createPages, type Pages } from './pages/pages.ts';
import type { UiAgent } from './pages/ui-agent.ts';
import { openMds } from './passkey/mds.ts';
import { openTapKeys } from './passkey/open-tap-keys.ts';
import { makePlaces, type Places } from './places.ts';
import type { Ports } from './ports.ts';
import type { Config, Profile } from './profile/profile.ts';
import { noTelemetry } from './profile/telemetry-settings.ts';
import { createServicePrincipal, type RunningPrincipal } from './service-principal/service-principal.ts';
import { createSession } from './session/session.ts';
import { createProfileAdding } from './setup/adding.ts';
import { createSetup } from './setup/setup.ts';
import { defaultBrowserName } from './system-browser.ts';
import { createHealth } from './telemetry/health.ts';
import { type Ms, seconds } from './units.ts';
import { fileKeychain } from './vault/file-keychain.ts';
import { openVault, type Records, type Sealing } from './vault/vault.ts';

const bundleOf = (held: Held | null) => (held === null ? null : { organization: held.bundle.organization, revision: held.bundle.revision });

/** The company's configuration, where it has one. */
const configOf = (held: Held | null): { organization: string; config: Config } | null =>
  held?.config == null ? null : { organization: held.bundle.organization, config: held.config };

/** Record of the device vault that says how the other one is sealed. */
const SEALING = 'vault-sealing';

export interface Running {
  agent: Agent;
  /** For a host with windows of its own: what pages in a browser ask for over the door. */
  ui: UiAgent;
  audit: AuditLog;
  port: number;
  /** This process, as the system shows it now: who asks in the name of the host's own windows. */
  self(): Promise<Caller>;
  /** Begins to use a first configuration where there was none, as a start would; see `OwnFiles.adopt`. @throws AppError CONFIG_INVALID | … */
  adopt(): Promise<boolean>;
  /** Told whenever something that the UI shows has changed; returns how to stop that. */
  onChange(watcher: () => void): () => void;
  /** Asks for the company's bundle now; of no use where nobody manages the device. */
  pollBundle(): Promise<void>;
  /** Ends everything in the order that loses nothing; sessions stay in the vault. */
  close(reason: string): Promise<void>;
}

interface Setting {
  places: Places;
  uid: number;
  version: string;
  /** Called when somebody asks the agent to stop, or takes over from it. */
  onStop: (why: StopReason) => void;
  /** The settings of the machine, given by hosts under test; absent: as the system has them. */
  managed?: ManagedReading;
  /** Names the step of a token rotation that has just been done; used by hosts under test to observe, never to skip. */
  steps?: (name: string) => void | Promise<void>;
}

/**
 * Builds and starts the agent: everything is either up when this resolves, or closed again when it throws.
 *
 * @throws AppError CONFIG_INVALID | CONFIG_PLAIN_HTTP: the configuration cannot be used, and none that was approved before is there
 * @throws AppError RUNTIME_UNSAFE | RUNTIME_PATH_TOO_LONG | AGENT_RUNNING | KEYCHAIN_* | AUDIT_UNWRITABLE | DISK_FULL | PLATFORM_UNSUPPORTED
 */
export async function compose(ports: Ports, { places, uid, version, onStop, managed, steps }: Setting): Promise<Running> {
  // check: platform-known
  if (process.platform !== 'linux') throw new AppError('PLATFORM_UNSUPPORTED');
  // end check
  const { clock, fetch, random, log, keychain } = ports;
  const startedAt = clock.now();
  const ready = Promise.withResolvers<void>();
  const { watchDesktop } = ports;
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
    const agentLock = await takeAgentLock({ folder: places.runtime, clock });
    closers.push(() => agentLock.release());

    const auditFolder = join(places.state, 'audit');
    // Nothing is known of a company yet.
    let diskFull = (): DiskFull => 'refuse';
    let exporting: Exporting | undefined;
    let alerting: Alerting | undefined;
    const audit = await openAuditLog({ folder: auditFolder, clock, random, log, diskFull: () => diskFull() });
    closers.push(() => audit.close());
    // The last of what it sends is the last checkpoint, so it ends behind that.
    closers.push(() => exporting?.close());
    const checkpoints = createCheckpoints({ audit, clock, log });
    let isSealed = false;
    closers.push(() => {
      isSealed = true;
      return checkpoints.close();
    });
    let started = false;
    closers.push((reason) => started && recordStop(String(reason)));
    const tally = createTally({ clock, audit, log });
    closers.push(() => tally.close());

    let leaving = false;
    closers.push(() => leaving && leaveNothing());
    // What must be known while the vault is locked: the tap keys, and which files a person has approved.
    // Each under a key of its own kind: what one cannot open must not be set aside because the other was tried.
    const [deviceFolder, deviceKeychain] =
      keychain.kind === 'passphrase' ? ['device-by-file', fileKeychain(join(places.data, 'device-key'))] : ['device', keychain];
    const device = await openVault({ folder: join(places.data, deviceFolder), keychain: deviceKeychain, random, entry: 'device-key' });
    closers.push(() => device.close());
    const mds = await openMds({ vault: device, clock, audit, log });
    const tapKeys = await openTapKeys({
      ...{ vault: device, clock, random, audit, log, tally, mds, seals: (key) => vault.keys().includes(key) },
      enterprise: () => enrollment.held()?.bundle.tapKeys?.enterprise === true,
      requireAllowed: (key) => {
        const rules = enrollment.held()?.bundle.tapKeys;
        if (rules !== undefined) requireAllowedKey(key, rules);
      },
    });
    const expected = await recallSealing(device);
    const vault = await openVault({
      folder: join(places.data, 'vault'),
      keychain,
      random,
      ...(expected === undefined ? {} : { expected }),
    });
    closers.push(() => vault.close());

    const wasUsed = async (): Promise<boolean> =>
      tapKeys.list().length > 0 || (await vault.names()).some((name) => name.startsWith('session-'));
    const machine = managed ?? (await readManagedSettings());
    recordMachine(machine);
    // check: managed-unread
    // A device that cannot tell whether it is managed does not start: to run out of open files is no way out of management.
    if (machine.problem?.code === 'MANAGED_SETTINGS_INVALID' && machine.problem.reason === 'system')
      throw new AppError('MANAGED_SETTINGS_INVALID', { reason: 'system', detail: machine.problem.detail ?? '' });
    // end check
    const enrollment = await openEnrollment({
      vault: device,
      managed: machine.managed?.invitation ?? null,
      fetch,
      clock,
      random,
      audit,
      log,
    });
    closers.push(() => enrollment.close());
    diskFull = () => configOf(enrollment.held())?.config.audit.diskFull ?? 'refuse';
    const files = await openOwnFiles({
      ...{ places, vault: device, clock, audit, log, wasUsed },
      ofCompany: () => configOf(enrollment.held()),
      isAwaited: () => enrollment.awaited() !== null,
    });
    closers.push(() => files.close());
    const ofIt = () => joinSettings(machine.managed?.settings ?? {}, enrollment.held()?.bundle.settings ?? {});
    const preferences = await openPreferences({
      ...{ file: join(places.state, 'preferences.json'), loginItem: ports.loginItem, random, log },
      ofIt,
    });
    const companies = new Map<string, Company>();
    const servicePrincipals = new Map<string, RunningPrincipal>();
    const records = await openRecordSending({
      ...{ enrollment, tapKeys, vault: device, fetch, clock, random, audit, log },
      people: () =>
        companyNames()
          .flatMap(people)
          .sort((a, b) => b.signedInAt - a.signedInAt),
      machine: { os: process.platform, osVersion: release(), app: version },
    });
    closers.push(() => records.close());
    const managing = createManaging({
      ...{ enrollment, files, companies, servicePrincipals, tapKeys, audit, clock, random, log, folder: places.state },
      record: records.view,
      grants: { endWhere: (...asked) => grants.endWhere(...asked) },
      managedBy: machine.managed?.managedBy ?? null,
      locking: () => locking,
      forgetTokens: () => broker.forgetTokens(),
    });
    const policy = managing.policy;

    // Who asks, what they were given, and what a person has said about it.
    const extraAiAgents = () => policy().aiAgents;
    const callers = createCallers({ extraAiAgents });
    closers.push(() => callers.close());
    const stamp = await openStamp({ vault: device, random });
    const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    const sealing = createSealing({
      ...{ checkpoints, folder: auditFolder, vault: device, bootId, clock, random, audit, log, changed: () => changed() },
    });
    exporting = createExporting({
      ofCompany: () => configOf(enrollment.held())?.config.audit ?? null,
      ...{ own: () => files.config.audit, isApproved: files.configApproved },
      ...{ checkpoints, folder: auditFolder, cursors: join(places.state, 'audit-sinks'), vault: device, stamp, audit },
      traces: () => tracing.sent(),
      ...{ fetch, clock, random, log, version },
      changed: () => {
        alerting?.look();
        changed();
      },
      tableToken: tableTokenFrom(
        (name) => principalOf(name),
        () => isSealed,
      ),
    });
    const telemetry = () =>
      settingsThatHold({
        ofCompany: () => configOf(enrollment.held())?.config.telemetry ?? null,
        ...{ own: () => files.config.telemetry, isApproved: files.configApproved, none: noTelemetry },
      });
    const tracing = createTracing({
      ...{ settings: telemetry, fetch, clock, random, log, version },
      hostId() {
        const key = checkpoints.key();
        return key === null ? null : deviceOf(key.origin);
      },
    });
    closers.push(() => tracing.close());
    const timed = tracing.note;
    // It needs the device, which the first checkpoint shows.
    checkpoints.onSealed(() => exporting?.follow());
    // What stamps the file lives in memory as well then, so the grants of an agent before this one could not be told from forged ones;
    // those that were made with a keychain stay where they are.
    const grantFile = join(keychain.kind === 'memory' ? places.runtime : places.state, 'grants.json');
    if (keychain.kind === 'memory') await rm(grantFile, { force: true });
    const grants = await openGrants({ file: grantFile, clock, random, audit, log, bootId, stamp });
    closers.push(() => grants.close());
    const members = createMembers({ grants, isAlive: callers.isAlive, ownPid: process.pid, clock, log });
    closers.push(() => members.close());
    const permissions = await openPermissions({
      file: join(places.state, 'answers.json'),
      grants,
      isAlive: callers.isAlive,
      clock,
      random,
      log,
    });
    closers.push(() => permissions.close());
    const consents = createConsents({ clock, random, audit, describe: describeCaller });
    closers.push(() => consents.close());

    const monitor = createMonitor({
      ...{ clock, log, changed: () => changed() },
      providers: () =>
        [...companies.values()]
          .filter(({ profile, session }) => profile.idp.preset !== 'databricks' && session.view().phase === 'signed-in')
          .map(({ profile }) => ({ profile: profile.name, keys: createProviderProbe({ profile, clock, fetch, random, log }).keys })),
      certificates: () => ports.certificates?.() ?? [],
      secrets: () =>
        [...servicePrincipals.values()]
          .map((each) => each.view())
          .map(({ name, secretAgeDays, rotationDue }) => ({ name, ageDays: secretAgeDays, rotationDue })),
      record: (burst) => audit.append({ type: 'token.validation-burst', ...burst }),
    });
    closers.push(() => monitor.close());
    /** What providers append: tokens that were rejected are counted, too. */
    const watched: AuditLog = {
      append(event) {
        audit.append(event);
        if (event.type === 'token.validation-failed') monitor.rejected(event.profile, event.rule);
      },
      synced: () => audit.synced(),
    };
    const principalOf = (name: string) => companies.get(name) ?? servicePrincipals.get(name);
    const questions = createQuestions({
      ...{ tapKeys, clock, session: (profile) => principalOf(profile)?.session },
      approver: (profile) => (servicePrincipals.has(profile) ? keeper() : undefined),
    });
    const locking = createLocking({
      clock,
      audit,
      log,
      vault,
      companies,
      servicePrincipals,
      consents,
      policy,
      grants,
      // What speaks with the desktop is large, and a program that waits for its first token should not wait for that.
      watchDesktop: watchDesktop && (() => ready.promise.then(watchDesktop)),
      forgetTokens: () => broker.forgetTokens(),
      remember: (sealing) => device.seal(SEALING, Buffer.from(sealing)),
      mayResume: () => files.configApproved(),
      onSealing: () => changed(),
    });
    closers.push(() => locking.close());
    const { lock } = locking;

    let pages: Pages;
    /** @throws AppError TAP_KEY_NEEDED | SIGNED_OUT: there are keys, and nobody is there to touch one */
    const requireTap = (profile: string | null): void => {
      const isAble = tapKeys.list().length > 0 && tapKeys.canTap(profile === null ? keeperOf(people(), tapKeys) : person(profile));
      if (!isAble) throw new AppError('TAP_KEY_NEEDED');
    };
    const canTap = (profile: string): boolean => {
      try {
        requireTap(profile);
        return true;
      } catch (error) {
        // Nobody is signed in, or not the person whose keys count.
        if (hasCode(error, 'SIGNED_OUT', 'TAP_KEY_NEEDED')) return false;
        throw error;
      }
    };
    const approvals = createApprovals({
      consents,
      pages: () => pages,
      openBrowser: ports.openBrowser,
      screen: ports.screen,
      requireTap,
      log,
    });
    const describe = describeCaller;
    const wordsFor = (scopes: readonly string[], profile: string): string[] => [
      ...scopeWords(scopes),
      ...widthWords(companies.get(profile)?.profile, scopes),
      ...actingWords(profile),
    ];
    const access = createAccess({
      onStepUpDue: (grant, error) => agent.stepUpDue(grant.id, error.toFailure()),
      grants,
      members,
      permissions,
      consents,
      policy,
      questions,
      lock,
      callers,
      describe,
      scopeWords: wordsFor,
      canTap,
      clock,
      audit,
      tally,
    });
    const making = createGrantMaking({
      principal: (name) => agent.principal(name),
      grants,
      members,
      permissions,
      approvals,
      policy,
      questions,
      lock,
      extraAiAgents,
      describe,
      scopeWords: wordsFor,
      requireFileGrants: () => requireAllowed(preferences.effective, 'fileGrants'),
      clock,
      audit,
      random,
    });
    const ceremonies = createCeremonies({
      ...{ clock, random, tapKeys, consents, askView: approvals.viewOf, person, isLocked: () => lock.state() === 'locked' },
      keeper: () => keeperOf(people(), tapKeys),
      home: async () => (await pages.uiUrl()).href,
      seal: (key, prf) => locking.sealWithKey(key, prf),
      unlock: (key, prf) => locking.unlockWithKey(key, prf),
      removed: (key) => locking.forgetKey(key),
      lackedWithout: managing.keysMissingWithout,
    });

    const keyKeeping = createKeyKeeping({
      ...{ tapKeys, mds, companies, grants, forgetKey: locking.forgetKey },
      changed: () => access.changed(),
    });

    const ourselves = { pid: process.pid, startTicks: 0, uid, executable: process.execPath, commandLine: null, folder: null, cgroup: null };
    const self: Caller = { ...unknownCaller, kind: 'program', process: ourselves };
    const agent = createAgent({
      ...{
        version,
        startedAt,
        host: hostKind(ports.screen),
        vault,
        configFile: places.config,
        network: () => files.config.network,
        companies,
        servicePrincipals,
        grants,
        members,
        consents,
        approvals,
        making,
        access,
        ceremonies,
      },
      ...{ callers, tapKeys, lock, locking, policy, questions, self, clock, files },
      policyView: managing.policyView,
      managedView: managing.view,
      auditView: exporting.view,
      alertsView: () => alerting?.view() ?? [],
      requireTapKeys: managing.requireTapKeys,
      keyRegistration: (profile) => registering.view(profile),
      lockView: locking.view,
      port: () => broker.port,
      problems: () => problems(),
      notes: () => [
        ...policy().warnings,
        ...(configOf(enrollment.held()) === null && files.config.audit.diskFull !== 'refuse'
          ? ['`audit.diskFull` in your own configuration is not gone by: only a company may have acts go on that are not recorded.']
          : []),
        ...managing.notes(),
        ...files.notes(),
        ...environmentNotes(process.env),
        ...locking.notes(),
        ...monitor.notes(),
        ...keyKeeping.notes(),
      ],
      ceremonyPage: async (ticket) => {
        const url = await pages.ceremonyUrl(ticket);
        return { url: url.href, browser: await ports.openBrowser(url) };
      },
      broker: { grantUrl: (secret) => broker.grantUrl(secret) },
      audit: {
        append: (event) => audit.append(event),
        synced: () => audit.synced(),
        tail: (count) => audit.tail(count),
        folder: auditFolder,
        key: checkpoints.key,
      },
      ...{ permissions, tally, describe, scopeWords },
      stop: onStop,
      leave: (whether) => {
        leaving = whether;
      },
    });

    const registering = createKeyRegistering({
      ...{ agent, company: agent.company, lock, openBrowser: ports.openBrowser, describe, audit },
      changed: () => changed(),
    });

    closers.push(() => Promise.all([...companies.values()].map(({ session }) => session.close())));
    await openCompanies();
    await openServicePrincipals();
    const broker = createBroker({
      ...{ clock, grants, callers, gate: access, uid, audit, log, random },
      portFile: join(places.state, 'port'),
      tokens: (profile) => principalOf(profile)?.tokens,
      onUse: (profile) => principalOf(profile)?.session.touch(),
      lease: (profile) => principalOf(profile)?.profile.limits.lease ?? seconds(60),
      onRefused: (grant, failure) => agent.grantRefused(grant, failure),
      timed,
    });
    const { port, moved } = await broker.start();
    closers.push(() => broker.close());

    let revision = 0;
    const watchers = new Set<() => void>();
    const changed = (): void => {
      revision += 1;
      access.changed();
      pages.changed();
      for (const watcher of watchers) watcher();
    };
    const core = createUiAgent({
      ...{ agent, members, companies, servicePrincipals, consents, making, ceremonies, tapKeys, lock, preferences, scopeWords, clock },
      ceremonyUrl: (ticket) => pages.ceremonyUrl(ticket),
      registering,
      host: ports,
      ownPid: process.pid,
      revision: () => revision,
    });
    const verifying = createVerifying({ folder: auditFolder, clock, key: checkpoints.verifier });
    const setup = createSetup({
      ...{ places, env: process.env, home: homedir(), clock, fetch, random, log, grants, lock, changed },
      companies: () => [...companies.values()],
      company: (name) => agent.company(name),
      make: making.make,
      makeForFile: making.makeForFile,
      grantUrl: (secret) => broker.grantUrl(secret),
      token: (request, by) => agent.token(request, by),
      inspect: callers.inspect,
      port: () => broker.port,
      hasKey: () => people().some((signedIn) => tapKeys.ownedBy(signedIn).length > 0),
      adopt,
    });
    closers.push(() => setup.close());
    const adding = createProfileAdding({
      ...{ configFile: places.config, random, changed, adopt, held: files.held, look: files.look },
      profiles: () => [...companies.values()].map(({ profile }) => profile),
    });
    const { look, lookAtNew, lookAtToken, ...doctor } = createDoctor({
      ...{ status: agent.status, places, portMoved: () => moved, files, tapKeys, locking, audit, auditFolder, verifying },
      ...{ env: process.env, clock, log, scopes: scopeCatalogue },
      far: {
        ...{ clock, fetch, random, log, companies, servicePrincipals, grants, audit, systemFindsOwnName },
        ...{ port: () => port, defaultBrowser: () => defaultBrowserName(process.env), watched: () => monitor.noticed() },
      },
    });
    const health = createHealth({
      ...{ clock, log },
      dependencies: createDependencies({
        ...{ clock, fetch, random, log, vault, audit, companies, servicePrincipals },
        sinks: () => exporting?.view().sinks ?? [],
      }),
    });
    const measuring = createMeasuring({
      settings: telemetry,
      gauges: gaugesOf({
        ...{ clock, startedAt, version, companies, grants, audit, isLocked: () => lock.state() === 'locked' },
        sinks: () => exporting?.view().sinks ?? [],
      }),
      ...{ audit, health, callers, uid, runtime: places.runtime, clock, random, log, changed: () => changed() },
    });
    closers.push(() => measuring.close());
    alerting = await openAlerting({
      ...{ file: join(places.state, 'alerts.json'), folder: auditFolder, stamp, audit, startedAt, describe, clock, random, log },
      ...{ tapKeys: tapKeys.list, auditView: exporting.view, changed: () => changed() },
    });
    closers.push(() => alerting?.close());
    tapKeys.onChange(alerting.look);
    const init = createProfileInit({
      ...{ configFile: places.config, clock, companies, servicePrincipals, adding },
      doctor: { lookAtNew, lookAtToken },
    });
    const settings = createDeviceSettings({
      ...{ preferences, ofIt, machine: machine.managed, agent, describe, audit },
      bundle: () => bundleOf(enrollment.held()),
    });
    const enrolling = createEnrolling({
      ...{ enrollment, agent, endCompany },
      isUsed: async () => (await wasUsed()) || files.isOwnApproved(),
      settled: () => taking,
      wayToTap: async (ask) => {
        // A window of ours shows it, and so does the page whose turn it is not yet.
        if (ports.screen !== undefined || consents.front()?.id !== ask) return null;
        return (await pages.ceremonyUrl(ceremonies.begin({ kind: 'tap', ask, span: 'once' }))).href;
      },
    });
    const ui: UiAgent = {
      ...core,
      ...enrolling.calls,
      settings: settings.settings,
      'settings/change': settings.changeSetting,
      ...createActivity({ folder: auditFolder, verifying, clock, log }),
      'audit/sent': exporting.sent,
      ...alerting.calls,
      ...createPolicyPage({ companies, principal: (name) => agent.principal(name), questions, policy, policyView: managing.policyView }),
      ...doctor,
      ...setup.calls,
    };
    pages = createPages({
      ...{ attribute: callers.attribute, uid, clock, random, audit, log },
      agent: {
        ui,
        revision: () => revision,
        ceremony: ceremonies.view,
        ceremonyOptions: ceremonies.options,
        finishCeremony: ceremonies.finish,
        refuseCeremony: ceremonies.refuse,
      },
    });
    closers.push(() => pages.close());
    // A revocation is heeded at once by whatever remembers a yes; ending the rest of it takes longer.
    for (const noun of [enrollment, consents, tapKeys, lock, files, preferences]) noun.onChange(changed);
    grants.onMade(changed);
    records.onChange(changed);
    for (const noun of [enrollment, tapKeys]) noun.onChange(() => void records.follow());
    agent.onSignIn(() => void records.follow());
    grants.onEnd(changed);
    grants.onPause(changed);
    watchCompanies();
    agent.onSignIn(changed);
    const followSettings = (): void => {
      exporting?.follow();
      void measuring.follow();
      tracing.follow();
    };
    for (const noun of [files, enrollment]) noun.onChange(followSettings);
    agent.onSignIn(followSettings);
    followSettings();
    agent.onSignIn(() => monitor.wake());
    agent.onSignIn(() => void managing.enforce());
    // check: revoked-while-locked
    // Whose sessions were sealed is seen once it is open.
    lock.onChange((state) => void (state === 'open' && managing.enforce()));
    // end check
    let taking = Promise.resolve();
    enrollment.onChange(() => {
      taking = taking.then(takeBundle).catch((error: unknown) => log('bundle.not-taken', { code: asAppError(error).code }));
    });
    await managing.enforce();
    await endForbidden();
    // Nothing is given before it is there.
    if (enrollment.awaited() !== null) void enrollment.poll();
    preferences.onChange(
      () => void endForbidden().catch((error: unknown) => log('settings.not-enforced', { code: asAppError(error).code })),
    );
    files.onApproved(takeUp);
    files.watch((kind, hash) => agent.askAboutFile(kind, hash));
    // With a first key there is somebody to approve what has waited.
    tapKeys.onChange(() => void files.look().catch((error: unknown) => log('own-files.not-read', { code: asAppError(error).code })));
    // Whoever is held is told of on the pages, so they have to be there.
    locking.start();

    const control = createControlDoor({
      ...{
        socketPath: places.socket,
        routes: controlRoutes({
          ...agent,
          ...adding,
          ...init,
          look,
          health: health.look,
          ...keyKeeping,
          ...registering,
          ...settings,
          ...enrolling,
          sentRecords: exporting.sent,
        }),
        claim: (nonce) => broker.claimCaller(nonce),
        log,
      },
      refused: (verb, code, by) => agent.controlRefused(verb, code, by),
    });
    await control.start();
    closers.push(() => control.close());

    audit.append({ type: 'agent.started', version, vault: vault.kind, port, ...environmentFacts(process.env) });
    started = true;
    ready.resolve();
    closers.push(() => sealing.close());
    sealing.begin();
    void records.follow();
    return {
      ...{ agent, ui, audit, port, adopt, close, pollBundle: enrollment.poll },
      // A pid alone says too little, and what stands above us may change: it is looked at each time.
      self: async () => (await callers.inspect(process.pid)) ?? self,
      onChange(watcher) {
        watchers.add(watcher);
        return () => void watchers.delete(watcher);
      },
    };

    async function openCompanies(): Promise<void> {
      ports.trust?.(files.config.network);
      for (const profile of files.config.profiles.values()) {
        // In use since before the device was a company's.
        if (companies.has(profile.name)) continue;
        const company = openCompany(profile);
        // A stored session is not brought to a configuration that nobody has used: it could name anybody's workspaces.
        if (files.configApproved()) await company.session.resume();
        companies.set(profile.name, company);
      }
    }

    async function adopt(): Promise<boolean> {
      if (!(await files.adopt())) return false;
      await openCompanies();
      await openServicePrincipals();
      watchCompanies();
      changed();
      return true;
    }

    /**
     * A first configuration is used at once, and so are profiles that are new; what was changed waits for the next start. All else of the
     * bundle holds from its acceptance.
     */
    async function takeBundle(): Promise<void> {
      if (!(await adopt())) await files.followCompany();
      await preferences.follow();
      await endForbidden();
      await managing.enforce();
      changed();
    }

    /**
     * Ends what the company has brought: sessions, secrets and grants of its profiles. Where the person had approved nothing of their own,
     * the tap keys too: whoever enrolled them can no longer sign in here.
     */
    async function endCompany(): Promise<void> {
      const its = configOf(enrollment.held())?.config;
      for (const [name, { session, tokens }] of companies) {
        if (its?.profiles.has(name) !== true) continue;
        await session.signOut('signed-out');
        tokens.forget();
        await grants.endWhere(({ profile }) => profile === name, 'signed-out');
        await session.close();
        companies.delete(name);
      }
      for (const [name, principal] of servicePrincipals) {
        if (its?.servicePrincipals.has(name) !== true) continue;
        if (principal.profile.workload === undefined) await principal.removeSecret();
        await grants.endWhere(({ profile }) => profile === name, 'signed-out');
        servicePrincipals.delete(name);
      }
      broker.forgetTokens();
      if (!files.isOwnApproved()) await tapKeys.eraseAll();
      files.leaveCompany();
    }

    /** What lies in a file goes on until its end, unless settings say otherwise. */
    async function endForbidden(): Promise<void> {
      if (preferences.effective('fileGrants')?.value === 'forbidden')
        await grants.endWhere(({ binding }) => binding.kind === 'file', 'revoked');
    }

    async function openServicePrincipals(): Promise<void> {
      for (const principal of files.config.servicePrincipals.values()) {
        if (servicePrincipals.has(principal.name)) continue;
        const running = createServicePrincipal({
          ...{
            principal: underSettings(principal, preferences.effective),
            vault,
            clock,
            fetch,
            random,
            audit,
            log,
            timed,
            env: process.env,
          },
          isAttended: () => !files.isUnattended(),
        });
        await running.session.resume();
        servicePrincipals.set(principal.name, running);
      }
    }

    /** As whom its tokens act, where that is not the person who is signed in. */
    function actingWords(profile: string): string[] {
      const own = servicePrincipals.get(profile)?.profile;
      if (own !== undefined) return [`as service principal ${own.name} (${own.clientId}), not as you`];
      const actsAs = companies.get(profile)?.actsAs();
      return actsAs === undefined ? [] : [`acts as service principal ${actsAs ?? 'of none of your groups'}, not as you`];
    }

    /** Profiles that were added are used at once. What was changed or taken away is not: runs that go on were approved under what was. */
    async function takeUp(next: Config): Promise<boolean> {
      const added = [...next.profiles.values()].filter(({ name }) => !companies.has(name) && !files.config.servicePrincipals.has(name));
      for (const profile of added) {
        const company = openCompany(profile);
        company.session.onEnd(changed);
        company.session.onChange(changed);
        companies.set(profile.name, company);
        await company.session.resume();
      }
      const isInUse = ({ profile }: Company): boolean => isSameProfile(next.profiles.get(profile.name), profile);
      // The same file, approved as it is now: connections go by it from here on.
      const isSameNetwork = next.network.caFile === files.config.network.caFile;
      if (isSameNetwork) ports.trust?.(next.network);
      return (
        isSameNetwork && [...companies.values()].every(isInUse) && isDeepStrictEqual(next.servicePrincipals, files.config.servicePrincipals)
      );
    }

    /** What was written is compared, with the settings that hold for either. */
    function isSameProfile(written: Profile | undefined, inUse: Profile): boolean {
      return written !== undefined && isDeepStrictEqual(underSettings(written, preferences.effective), inUse);
    }

    function watchCompanies(): void {
      for (const { session } of companies.values()) {
        session.onEnd(changed);
        session.onChange(changed);
      }
    }

    function problems() {
      const rejected = monitor.problem()?.toFailure() ?? null;
      return [
        ...(machine.problem === null ? [] : [machine.problem]),
        ...managing.problems(),
        ...files.problems(),
        tapKeys.problem,
        grants.problem,
        rejected,
        sealing.problem(),
        ...(exporting?.problems() ?? []),
        measuring.problem(),
        moved ? new AppError('PORT_TAKEN').toFailure() : null,
      ].filter((failure) => failure !== null);
    }

    /** After a reset, once both vaults are closed: what is there without holding anything, and would be there for good. */
    async function leaveNothing(): Promise<void> {
      await rm(places.data, { recursive: true, force: true });
      if (keychain.kind === 'memory' || keychain.kind === 'passphrase') return;
      for (const entry of ['vault-key', 'device-key']) await keychain.erase(entry);
    }

    function recordMachine({ managed: its, problem }: ManagedReading): void {
      if (problem !== null) audit.append({ type: 'managed-settings.refused', code: problem.code, reason: problem.reason ?? '' });
      if (its === null) return;
      audit.append({ type: 'managed-settings.read', organization: its.managedBy, source: its.source, digest: its.hash });
    }

    function recordStop(reason: string): void {
      try {
        audit.append({ type: 'agent.stopped', reason });
      } catch (error) {
        log('audit.unwritable-at-stop', { code: asAppError(error).code });
      }
    }

    /** Who is signed in, the last one first. */
    function people(profile: string | null = null): Person[] {
      const signedIn = [...companies.values()].flatMap(({ profile: { name }, session }) => {
        return (profile === null || name === profile ? personIn(session.view()) : null) ?? [];
      });
      return signedIn.sort((a, b) => b.signedInAt - a.signedInAt);
    }

    /**
     * Whoever signed in last. What is asked in one profile is answered by the person of that profile alone; keys are changed by the
     * person who is there, of whatever profile; files, the vault and service principals by their keeper.
     */
    function person(profile: string | null = null): Person {
      return approverIn(profile, { people, tapKeys, isServicePrincipal: (name) => servicePrincipals.has(name) });
    }

    /** The profiles whose people the company may be told of: its own, where it names any. */
    function companyNames(): (string | null)[] {
      const its = configOf(enrollment.held())?.config.profiles;
      return its === undefined ? [null] : [...its.keys()];
    }

    /** Null where the person is not signed in whose keys count for what is everybody's. */
    function keeper(): Person | null {
      try {
        return keeperOf(people(), tapKeys);
      } catch (error) {
        if (hasCode(error, 'SIGNED_OUT', 'TAP_KEY_NEEDED')) return null;
        throw error;
      }
    }

    function openCompany(written: Profile): Company {
      const profile = underSettings(written, preferences.effective);
      let opened = Promise.withResolvers<'opened' | 'none'>();
      let mayOpenNow = true;
      const openBrowser: Ports['openBrowser'] = async (...given) => {
        const outcome = mayOpenNow ? await ports.openBrowser(...given) : 'none';
        opened.resolve(outcome);
        return outcome;
      };
      const nextPage = async (identity: Identity): Promise<URL | null> => {
        // Whoever is about to be refused enrols no key either.
        if (managing.revocationOf(identity) !== null) return null;
        const ticket = agent.firstKeyTicket(profile.name, identity);
        return ticket === null ? null : pages.ceremonyUrl(ticket);
      };
      const peerUid = callers.peerUid;
      const createProvider = profile.idp.preset === 'databricks' ? createWorkspaceProvider : createIdentityProvider;
      const profiles = (): readonly Profile[] => [...companies.values()].map((company) => company.profile);
      const idp = createProvider({ profile, clock, fetch, random, openBrowser, audit: watched, log, peerUid, uid, nextPage, profiles });
      // A session that is kept says from then on that its configuration was approved.
      const beforeKeeping = async (identity: Identity): Promise<void> => {
        const revoked = managing.revocationOf(identity);
        // check: revoked-not-signed-in
        if (revoked !== null) throw new AppError(revoked);
        // end check
        await locking.provenBySignIn();
        await files.provenBySignIn();
      };
      const session = createSession({
        profile,
        idp,
        vault,
        clock,
        random,
        audit,
        log,
        beforeKeeping,
        timed,
        ...(steps === undefined ? {} : { steps }),
      });
      const groups = () => session.view().identity?.groups ?? [];
      const subjectToken = (needs: { life: Ms }) => session.subjectToken(needs);
      const source =
        profile.tokens === 'direct'
          ? createDirect({ profile, clock, subjectToken })
          : createFederation({ profile, clock, fetch, log, groups, subjectToken });
      const tokens = createTokens({
        profile,
        clock,
        random,
        audit,
        log,
        timed,
        source,
        subject: () => session.view().identity?.subject ?? '',
        signedInAt: () => session.view().signedInAt,
      });
      session.onEnd((_, error) => tokens.forget(error ?? undefined));
      const browser = (mayOpen: boolean): Promise<'opened' | 'none'> => {
        mayOpenNow = mayOpen;
        opened = Promise.withResolvers();
        return opened.promise;
      };
      return { profile, session, tokens, browser, actsAs: () => source.actsAs?.() };
    }
  } catch (error) {
    await close('failed to start');
    throw error;
  }
}

/** How the vault was sealed when it was last seen; undefined where nobody has looked yet. */
async function recallSealing(device: Records): Promise<Sealing | undefined> {
  const kept = (await device.open(SEALING))?.toString();
  return lockViewSchema.shape.sealing.options.find((sealing) => sealing === kept);
}
