/** The `lakepass` command as a tree of verbs: one file per verb, all of them talking to the control socket only. */
import { Command } from 'commander';
import { version } from '../version.ts';
import { exitCodes } from './report.ts';
import { addAdmin } from './verbs/admin.ts';
import { addAgent } from './verbs/agent.ts';
import { addApps } from './verbs/apps.ts';
import { addAudit } from './verbs/audit.ts';
import { addCan } from './verbs/can.ts';
import { addCompletion } from './verbs/completion.ts';
import { addDenied } from './verbs/denied.ts';
import { addDoctor } from './verbs/doctor.ts';
import { addEnroll } from './verbs/enroll.ts';
import { addEnv } from './verbs/env.ts';
import { addEvidence } from './verbs/evidence.ts';
import { addGrants } from './verbs/grants.ts';
import { addHealth } from './verbs/health.ts';
import { addKeys } from './verbs/keys.ts';
import { addLock, addUnlock } from './verbs/lock.ts';
import { addLogin } from './verbs/login.ts';
import { addLogout } from './verbs/logout.ts';
import { addMds } from './verbs/mds.ts';
import { addPolicy } from './verbs/policy.ts';
import { addProfiles } from './verbs/profiles.ts';
import { addReset } from './verbs/reset.ts';
import { addRun } from './verbs/run.ts';
import { addSeal } from './verbs/seal.ts';
import { addServicePrincipals } from './verbs/service-principals.ts';
import { addSettings } from './verbs/settings.ts';
import { addStatus } from './verbs/status.ts';
import { addToken } from './verbs/token.ts';
import { addUi } from './verbs/ui.ts';
import { addUninstall } from './verbs/uninstall.ts';

/** Every verb with its options; nothing is parsed yet. */
export function buildProgram(): Command {
  const program = new Command('lakepass')
    .description('One sign-in with a security key; every program gets the Databricks token it may have, and no more.')
    .version(version)
    .enablePositionalOptions()
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : exitCodes.usage))
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 sign in first, 4 no agent, 5 refused, 6 locked, 125 `run` failed before its program started.',
    );

  for (const add of [addAgent, addLogin, addLogout, addStatus, addUi, addEnv, addRun, addApps, addToken, addGrants, addCan, addDenied])
    add(program);
  for (const add of [
    addProfiles,
    addServicePrincipals,
    addSettings,
    addEnroll,
    addLock,
    addUnlock,
    addSeal,
    addKeys,
    addMds,
    addReset,
    addPolicy,
    addAudit,
    addEvidence,
    addDoctor,
    addHealth,
    addCompletion,
    addUninstall,
    addAdmin,
  ])
    add(program);
  return program;
}
