/** What lies around the agent on this machine: desktop, browser, and the settings of other Databricks tools. */
import { browserProgram } from '../system-browser.ts';
import { type Check, type Found, good, weak } from './check.ts';
import { readDatabricksProfiles, rivalVariables } from './databricks-settings.ts';
import { listInWords } from './words.ts';

const desktop: Check = {
  id: 'desktop',
  title: 'What the desktop tells',
  look({ lockNotes }) {
    if (lockNotes.length === 0) return good('A locked screen and a sleep are heard.');
    return weak(lockNotes.join(' '), 'Lock by hand when you leave: `lakepass lock`. A limit for idle time in the policy does it as well.');
  },
};

const browser: Check = {
  id: 'browser',
  title: 'A browser for signing in and touching keys',
  look({ env }): Found {
    const found = browserProgram(env);
    if (found.program !== null) return good('There is one to open.');
    const byHand = 'Addresses are shown instead: open them in a browser on this machine, or set BROWSER to a program.';
    return weak(`${whyNone[found.why]} So none can be opened for you.`, byHand);
  },
};
const whyNone = {
  'turned-off': 'BROWSER is set to `none`.',
  'no-display': 'There is no display.',
  'not-found': 'The program that opens it is not on the PATH.',
} as const;

const variables: Check = {
  id: 'databricks-variables',
  title: 'Databricks variables in the environment',
  look({ env }) {
    const names = rivalVariables(env);
    if (names.length === 0)
      return good('None that would win over Lakepass, where the agent was started; a terminal of yours may have others.');
    return weak(
      `Set where the agent was started: ${listInWords(names)}. They win over a Databricks profile that asks Lakepass.`,
      'Take them out of your shell’s start files. `lakepass run` and `lakepass env` clear them for what they start.',
    );
  },
};

const profiles: Check = {
  id: 'databricks-profiles',
  title: 'Databricks’ own profile file',
  async look({ env }) {
    const read = await readDatabricksProfiles(env);
    if (read === null) return good('There is none.');
    const rivals = read.filter((section) => !section.asksLakepass && section.signsInBy.length > 0);
    const next = 'Let Lakepass write the default profile, and revoke the tokens that are no longer needed.';
    if (rivals.some(({ name }) => name === 'DEFAULT'))
      return weak(`Programs that name no profile sign in without Lakepass: DEFAULT has ${settingsOf(rivals, 'DEFAULT')}.`, next);
    const secrets = rivals.filter(({ hasSecret }) => hasSecret).map(({ name }) => name);
    if (secrets.length > 0) return weak(`A secret that does not end by itself lies in the open, in: ${listInWords(secrets)}.`, next);
    if (rivals.length > 0)
      return good(`Sections that sign in without Lakepass, for programs that name them: ${listInWords(rivals.map(({ name }) => name))}.`);
    return good('No section of it signs in without Lakepass.');
  },
};

const settingsOf = (sections: readonly { name: string; signsInBy: readonly string[] }[], wanted: string): string =>
  listInWords(sections.filter(({ name }) => name === wanted).flatMap(({ signsInBy }) => signsInBy));

export const machineChecks: readonly Check[] = [desktop, browser, variables, profiles];
