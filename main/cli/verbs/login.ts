/** `lakepass login`: signs a person in with the system browser and waits for the outcome. */
import type { Command } from 'commander';
import { z } from 'zod';
import { signInOutcomeSchema, signInStartedSchema } from '../../../preload/contract/control.ts';
import type { SessionView } from '../../../preload/contract/session.ts';
import { minutes } from '../../units.ts';
import { type CommonOptions, optionsFirst, reachAgent, withCommon, withProfile } from '../common.ts';
import { printJson, printLine, timeLeft } from '../report.ts';

interface Options extends CommonOptions {
  cancel?: boolean;
  stepUp?: boolean;
}

export const addLogin = (program: Command): Command =>
  withProfile(
    withCommon(program.command('login').description('sign in at the identity provider, in your browser'), 'lakepass login --profile acme'),
  )
    .option('--cancel', 'cancel the sign-in that is waiting in the browser')
    .option('--step-up', 'sign in afresh and as strongly as policy asks, although a session runs')
    .action(optionsFirst<Options>(login));

async function login(options: Options): Promise<void> {
  const agent = await reachAgent(options);
  const profile = options.profile === undefined ? {} : { profile: options.profile };
  if (options.cancel === true) {
    const { cancelled } = await agent.post('/v1/sign-in/cancel', profile, z.object({ cancelled: z.boolean() }));
    if (options.json === true) printJson({ cancelled });
    else printLine(cancelled ? 'The sign-in was cancelled.' : 'No sign-in was waiting.');
    return;
  }
  // Ctrl-C ends the wait in the agent too; the failure that follows is what is reported.
  const cancel = (): void => void agent.post('/v1/sign-in/cancel', profile, z.object({ cancelled: z.boolean() })).catch(() => undefined);
  process.once('SIGINT', cancel);
  const started = await agent.post('/v1/sign-in', { ...profile, stepUp: options.stepUp === true }, signInStartedSchema);
  // People who asked for JSON read standard output with a program; the URL is for their eyes.
  process.stderr.write(
    started.browser === 'opened'
      ? 'Your browser is open: touch your key there. If it did not open, use this address:\n'
      : 'Open this address in a browser on this machine and touch your key:\n',
  );
  process.stderr.write(`  ${started.url}\n`);
  const outcome = await agent.get(`/v1/sign-in?profile=${encodeURIComponent(started.profile)}`, signInOutcomeSchema, minutes(30));
  process.off('SIGINT', cancel);
  if (options.json === true) printJson(outcome);
  else printLine(sessionLine(outcome.session));
}

export const sessionLine = (session: SessionView): string => {
  if (session.phase !== 'signed-in' || session.identity === null || session.assurance === null) return 'Signed out.';
  const { username } = session.identity;
  const ends = session.endsAt === null ? '' : `, ends ${timeLeft(session.endsAt)}`;
  return `Signed in as ${username} (assurance ${session.assurance.level}: ${session.assurance.because})${ends}.`;
};
