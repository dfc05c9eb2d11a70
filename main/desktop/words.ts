/** Every word the shell itself shows: the tray, the menus and what it notifies of. No secret, no grant URL and no token is ever among them. */
const count = (number: number, one: string, many: string): string => `${number} ${number === 1 ? one : many}`;

export const words = {
  product: 'Lakepass',
  unknownProgram: 'an unknown program',
  unknownWorkspace: 'a workspace',
  /** A length of time, as long as a glance: two units at most. */
  length(ms: number): string {
    const minutes = Math.max(0, Math.floor(ms / 60_000));
    const hours = Math.floor(minutes / 60);
    if (hours >= 48) return count(Math.floor(hours / 24), 'day', 'days');
    if (hours > 0) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
    return `${minutes} min`;
  },
  tray: {
    signedOut: 'Nobody is signed in',
    signingIn: 'A sign-in waits in the browser',
    signedIn: (left: string | null): string => (left === null ? 'Signed in' : `Signed in, ${left} left`),
    away: (runs: number): string => (runs === 0 ? 'Away' : `Away: ${count(runs, 'run continues', 'runs continue')}`),
    locked: 'Locked',
    asking: (requests: number): string => `${count(requests, 'request waits', 'requests wait')} for you`,
    answer: (requests: number): string => (requests === 1 ? 'Answer the request…' : `Answer ${requests} requests…`),
    using: 'Uses Lakepass now',
    nobodyUses: 'No program uses Lakepass now',
    program: (name: string, workspace: string): string => `${name} on ${workspace}`,
    more: (programs: number): string => `${count(programs, 'program', 'programs')} more…`,
    open: 'Open Lakepass',
    lock: 'Lock now',
    signOut: 'Sign out everywhere',
    install: 'Install the lakepass command…',
    startAtLogin: 'Start at login',
    quit: 'Quit Lakepass',
  },
  notices: {
    asks: 'A program asks for access',
    asksBody: (program: string, workspace: string | null): string => (workspace === null ? program : `${program} on ${workspace}`),
    unanswered: 'A request went unanswered',
    unansweredBody: (program: string): string => `${program} got no access. Start it again when you are at the machine.`,
    sessionEnds: 'Your sign-in ends soon',
    sessionEndsBody: (left: string): string => `In ${left}. Sign in again before then and nothing stops.`,
    grantEnds: 'A program loses its access soon',
    grantEndsBody: (program: string, workspace: string, left: string): string => `${program} on ${workspace}, in ${left}.`,
    locks: 'Lakepass locks soon',
    locksBody: (left: string): string => `In ${left} the day’s limit is reached. Sign in again before then and nothing stops.`,
    policyEnds: 'The policy reaches its date soon',
    policyEndsBody: (left: string): string => `In ${left}. No new token is handed out after that until a newer one is in its place.`,
    away: 'You are away',
    awayBody: (runs: number): string => `${count(runs, 'run continues', 'runs continue')}; nothing new begins until you are back.`,
    locked: 'Lakepass is locked',
    lockedBody: (runs: number): string => `${count(runs, 'program gets', 'programs get')} no token until you unlock it.`,
    ended: 'Your sign-in has ended',
  },
  command: {
    done: 'The lakepass command is installed',
    doneText: (link: string, onPath: boolean): string =>
      onPath ? `It is ${link}. Open a new terminal and try: lakepass status` : `It is ${link}. Add that folder to your PATH to use it.`,
    taken: 'Another file stands in the way',
    takenText: (link: string): string => `${link} is not a link to this app, so it was left as it is. Move it away and try again.`,
    failed: 'The command could not be installed',
    failedText: (link: string): string => `${link} cannot be written.`,
    close: 'Close',
  },
  menu: { edit: 'Edit', window: 'Window' },
} as const;

/** Text that somebody else chose, made fit for one line of a menu or a notification. */
export function plainLine(text: string, longest = 48): string {
  const clean = text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return clean.length <= longest ? clean : `${clean.slice(0, longest - 1).toWellFormed()}…`;
}
