/** What the tray shows, as a function of what the agent says and the time. It decides nothing and changes nothing. */
import type { GrantView, StatusView } from '../../preload/contract/control.ts';
import type { View } from '../../preload/contract/desktop.ts';
import type { UiState } from '../../preload/contract/ui.ts';
import type { EpochMs } from '../units.ts';
import { plainLine, words } from './words.ts';

export const trayIcons = ['out', 'in', 'away', 'locked', 'asking'] as const;
export type TrayIcon = (typeof trayIcons)[number];

export type TrayAct =
  | { act: 'open'; view?: View }
  | { act: 'request' }
  | { act: 'pause'; ids: readonly string[]; paused: boolean }
  | { act: 'lock' }
  | { act: 'sign-out' }
  | { act: 'install' }
  | { act: 'start-at-login'; wanted: boolean }
  | { act: 'quit' };

export type TrayEntry =
  | { kind: 'line' }
  | { kind: 'text'; label: string }
  | { kind: 'act'; label: string; does: TrayAct; enabled: boolean }
  | { kind: 'check'; label: string; checked: boolean; does: TrayAct };

export interface TrayModel {
  icon: TrayIcon;
  tooltip: string;
  menu: readonly TrayEntry[];
}

/** More programs than this are behind one entry that opens the view. */
const programsListed = 12;

/** @param offers.install whether the command can be installed from here */
export function trayModel({ status, grants, preferences }: UiState, now: EpochMs, offers: { install: boolean }): TrayModel {
  const asking = openRequests(status.queue);
  const headline = headlineOf(status, now);
  const icon: TrayIcon = asking > 0 ? 'asking' : headline.icon;
  const act = (label: string, does: TrayAct, enabled = true): TrayEntry => ({ kind: 'act', label, does, enabled });
  const line: TrayEntry = { kind: 'line' };
  return {
    icon,
    tooltip: `${words.product}: ${asking > 0 ? words.tray.asking(asking) : headline.text}`,
    menu: [
      { kind: 'text', label: headline.text },
      ...(asking > 0 ? [act(words.tray.answer(asking), { act: 'request' })] : []),
      line,
      ...programEntries(grants, status.profiles),
      line,
      act(words.tray.open, { act: 'open' }),
      act(words.tray.lock, { act: 'lock' }, status.lock.state !== 'locked'),
      act(words.tray.signOut, { act: 'sign-out' }, status.profiles.some(isHeld)),
      line,
      ...(offers.install ? [act(words.tray.install, { act: 'install' })] : []),
      ...startAtLogin(preferences.startAtLogin),
      act(words.tray.quit, { act: 'quit' }),
    ],
  };
}

/** Requests that somebody may be shown now. */
export const openRequests = ({ asks, quiet, snoozedUntil }: StatusView['queue']): number =>
  quiet || snoozedUntil !== null ? 0 : asks.length;

const isHeld = ({ session: { phase } }: StatusView['profiles'][number]): boolean => phase === 'signed-in' || phase === 'locked';

function headlineOf({ lock, profiles }: StatusView, now: EpochMs): { icon: Exclude<TrayIcon, 'asking'>; text: string } {
  if (lock.state === 'locked') return { icon: 'locked', text: words.tray.locked };
  if (lock.state === 'away') return { icon: 'away', text: words.tray.away(lock.continuing) };
  const signedIn = profiles.filter(({ session }) => session.phase === 'signed-in');
  if (signedIn.length > 0) return { icon: 'in', text: words.tray.signedIn(leftOf(signedIn, lock.locksAt, now)) };
  const waits = profiles.some(({ session }) => session.signInWaiting);
  return { icon: 'out', text: waits ? words.tray.signingIn : words.tray.signedOut };
}

/** Until the first of them ends, or the day's limit locks them all; null where none says when. */
function leftOf(profiles: StatusView['profiles'], locksAt: string | null, now: EpochMs): string | null {
  const moments = [locksAt, ...profiles.map(({ session: { endsAt } }) => endsAt)];
  const ends = moments.flatMap((at) => (at === null ? [] : [Date.parse(at)]));
  return ends.length === 0 ? null : words.length(Math.min(...ends) - now);
}

const programOf = ({ caller, label }: GrantView): string => plainLine(caller?.title ?? label) || words.unknownProgram;

/** What the person calls a workspace; its host stays on the pages. */
export function workspaceName(profiles: StatusView['profiles'], host: string): string {
  const known = profiles.flatMap(({ workspaces }) => workspaces).find((workspace) => workspace.host === host);
  return known === undefined ? words.unknownWorkspace : plainLine(known.name);
}

/** One for each program and workspace, whatever number of grants is behind it; ticked while it gets tokens. */
function programEntries(grants: readonly GrantView[], profiles: StatusView['profiles']): TrayEntry[] {
  const users = Map.groupBy(
    grants.filter(({ state, members }) => state === 'live' && members > 0),
    (grant) => words.tray.program(programOf(grant), workspaceName(profiles, grant.workspace)),
  );
  if (users.size === 0) return [{ kind: 'text', label: words.tray.nobodyUses }];
  const listed = [...users].slice(0, programsListed).map(([label, own]): TrayEntry => {
    const checked = own.some(({ paused }) => !paused);
    return { kind: 'check', label, checked, does: { act: 'pause', ids: own.map(({ id }) => id), paused: checked } };
  });
  const rest = users.size - listed.length;
  const more: TrayEntry[] =
    rest === 0 ? [] : [{ kind: 'act', label: words.tray.more(rest), does: { act: 'open', view: 'grants' }, enabled: true }];
  return [{ kind: 'text', label: words.tray.using }, ...listed, ...more];
}

const startAtLogin = (wanted: boolean | null): TrayEntry[] =>
  wanted === null
    ? []
    : [{ kind: 'check', label: words.tray.startAtLogin, checked: wanted, does: { act: 'start-at-login', wanted: !wanted } }];
