/**
 * Callers on Windows, from netstat and PowerShell's CIM cmdlets. Written from Microsoft's documentation, not from outputs recorded on
 * Windows, and never run there; nothing uses it yet.
 *
 * Windows has no uid: our own user's SID stands for the uid that is handed in, and everybody else is nobody. A process keeps the
 * number of its parent after that has exited, so a parent counts only if it is older than its child. Nothing tells a process's folder.
 */
import { z } from 'zod';
import type { Callers, Peer } from './caller.ts';
import { type Commands, createSnapshotCallers, type HolderRow, type ListedProcess, type System } from './snapshot.ts';

/**
 * Reads `netstat -ano -p TCP`: protocol, both addresses, state, pid. The state is a word in the system's language, so it is not asked;
 * a socket in TIME_WAIT has pid 0.
 */
export function readNetstat(text: string, { localPort, remotePort }: Peer): HolderRow[] {
  const row = /^ *TCP +127\.0\.0\.1:(\d+) +127\.0\.0\.1:(\d+) +\S+ +(\d+) *\r?$/gm;
  return [...text.matchAll(row)]
    .filter(([, local, remote, pid]) => Number(local) === remotePort && Number(remote) === localPort && pid !== '0')
    .map(([, , , pid]) => ({ pid: Number(pid), uid: null }));
}

const cimRow = z.object({
  ProcessId: z.int(),
  ParentProcessId: z.int(),
  /** Milliseconds since 1970. */
  Created: z.int().nullable(),
  ExecutablePath: z.string().nullable(),
  CommandLine: z.string().nullable(),
  Sid: z.string().nullable().optional(),
});
export type CimRow = z.output<typeof cimRow>;

/** Reads what ConvertTo-Json made of processes: an array, one object where there is only one, nothing where there is none. */
export function readCim(text: string): CimRow[] {
  if (text.trim() === '') return [];
  return z.union([z.array(cimRow), cimRow.transform((one) => [one])]).parse(JSON.parse(text.replace(/^\ufeff/, '')));
}

/** Splits a command line as CommandLineToArgvW does: quotes group, backslashes escape only in front of a quote. */
export function splitCommandLine(text: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const slashes = /^\\+(?=")/.exec(text.slice(at, at + 1) === '\\' ? text.slice(at) : '')?.[0].length ?? 0;
    if (slashes > 0) {
      word = (word ?? '') + '\\'.repeat(slashes >> 1) + (slashes % 2 === 1 ? '"' : '');
      at += slashes - (slashes % 2 === 1 ? 0 : 1);
    } else if (text[at] === '"') {
      quoted = !quoted;
      word ??= '';
    } else if (!quoted && /[ \t]/.test(text[at] ?? '')) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? '') + text[at];
  }
  return word === null ? words : [...words, word];
}

const powershell = (script: string): [string, string[]] => ['powershell.exe', ['-NoProfile', '-NonInteractive', '-Command', script]];

const select = `ForEach-Object { [pscustomobject]@{ ProcessId = $_.ProcessId; ParentProcessId = $_.ParentProcessId; \
Created = if ($_.CreationDate) { ([DateTimeOffset]$_.CreationDate).ToUnixTimeMilliseconds() } else { $null }; \
ExecutablePath = $_.ExecutablePath; CommandLine = $_.CommandLine; SID } } | ConvertTo-Json -Compress`;

/** Asking for a SID is a call for each process, so it is asked only of those that were named. */
function processQuery(pids?: readonly number[]): [string, string[]] {
  const filter = pids ? ` -Filter "${pids.map((pid) => `ProcessId=${pid}`).join(' OR ')}"` : '';
  const sid = pids ? 'Sid = (Invoke-CimMethod -InputObject $_ -MethodName GetOwnerSid).Sid' : 'Sid = $null';
  return powershell(
    `[Console]::OutputEncoding = [Text.Encoding]::UTF8; Get-CimInstance Win32_Process${filter} | ${select.replace('SID', sid)}`,
  );
}

/**
 * @param parts.sid our own user's, such as `S-1-5-21-…-1001`
 * @param parts.uid what stands for our own user
 * @param parts.extraAiAgents as in `createCallers`
 */
export function createWindowsCallers(parts: {
  commands: Commands;
  sid: string;
  uid: number;
  extraAiAgents?: () => readonly string[];
}): Callers {
  const { commands, sid, uid, extraAiAgents = () => [] } = parts;

  /** Whose a process is counts only where a SID was asked for; the first, full list is for following parents. */
  function listed(rows: readonly CimRow[]): Map<number, ListedProcess> {
    const started = rows.flatMap((row) => (row.Created === null ? [] : [{ ...row, Created: row.Created }]));
    return new Map(
      started.map(({ ProcessId, ParentProcessId, Created, CommandLine, Sid }) => [
        ProcessId,
        {
          ...{ parent: ParentProcessId, startTicks: Created, uid: Sid === sid ? uid : null },
          commandLine: CommandLine === null ? null : splitCommandLine(CommandLine.slice(0, 8192)),
        },
      ]),
    );
  }

  const system: System = {
    holders: async (peer) => readNetstat(await commands.run('netstat.exe', ['-ano', '-p', 'TCP']), peer),
    list: async (pids) => listed(readCim(await commands.run(...processQuery(pids)))),
    async details(pids) {
      const rows = readCim(await commands.run(...processQuery(pids)));
      return new Map(rows.map(({ ProcessId, ExecutablePath }) => [ProcessId, { executable: ExecutablePath, folder: null }]));
    },
    startTicksNow: (pid) => listed(readCim(commands.runNow(...processQuery([pid])))).get(pid)?.startTicks ?? null,
  };
  return createSnapshotCallers({ system, uid, extraAiAgents });
}
