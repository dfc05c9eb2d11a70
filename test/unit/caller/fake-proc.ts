/** A folder that looks like /proc, so that what the files of processes may hold can be made up. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface FakeProc {
  folder: string;
  /** Files by name; a name that ends in `@` is a symbolic link, and `NAME/inside` makes a folder of NAME. */
  add(pid: number | 'self', files: Record<string, string | Buffer>): void;
  /** Adds a process as Linux shows one. */
  start(
    pid: number,
    change?: { comm?: string; state?: string; parent?: number; startTicks?: number; files?: Record<string, string | Buffer> },
  ): void;
  table(name: 'tcp' | 'tcp6', text: string): void;
  remove(): void;
}

const OUR_NAMESPACES = { 'ns/mnt@': 'mnt:[4026531841]', 'ns/pid@': 'pid:[4026531836]', 'ns/user@': 'user:[4026531837]' };

export function fakeProc(): FakeProc {
  const folder = mkdtempSync(join(tmpdir(), 'lp-proc-'));
  const proc: FakeProc = {
    folder,
    add(pid, files) {
      mkdirSync(join(folder, String(pid)), { recursive: true });
      for (const [name, content] of Object.entries(files)) {
        const path = join(folder, String(pid), name.replace(/@$/, ''));
        if (name.endsWith('/inside')) rmSync(join(path, '..'), { force: true, recursive: true });
        mkdirSync(join(path, '..'), { recursive: true });
        rmSync(path, { force: true, recursive: true });
        if (name.endsWith('@')) symlinkSync(String(content), path);
        else writeFileSync(path, content);
      }
    },
    start(pid, { comm = 'program', state = 'S', parent = 1, startTicks = 1000, files = {} } = {}) {
      proc.add(pid, {
        stat: statLine(pid, comm, state, parent, startTicks),
        'exe@': '/usr/bin/program',
        'cwd@': '/home/ada',
        cmdline: 'program\0--flag\0',
        cgroup: '0::/user.slice/run-1.scope\n',
        environ: '',
        ...OUR_NAMESPACES,
        ...files,
      });
    },
    table(name, text) {
      mkdirSync(join(folder, 'net'), { recursive: true });
      writeFileSync(join(folder, 'net', name), text);
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
  proc.add('self', OUR_NAMESPACES);
  proc.table('tcp', '');
  return proc;
}

/** As proc(5) describes it: 52 fields, the second in parentheses and of the process's own choosing. */
export const statLine = (pid: number, comm: string, state: string, parent: number, startTicks: number): string =>
  `${pid} (${comm}) ${state} ${parent} ${pid} ${pid} 0 -1 4194304 100 0 0 0 1 2 0 0 20 0 1 0 ${startTicks} 10000000 500 18446744073709551615${' 0'.repeat(27)}\n`;

const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');

/** A row of /proc/net/tcp for the client's end of a connection. */
export const row = (client: { peerPort: number; ourPort: number; uid: number; inode: string }): string =>
  `${`   3: 0100007F:${hex(client.peerPort)} 0100007F:${hex(client.ourPort)} 01 00000000:00000000 00:00000000 00000000 ${client.uid}        0 ${client.inode} 1 0000000000000000 20 4 30 10 -1`.padEnd(149)}\n`;
