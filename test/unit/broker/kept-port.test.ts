import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listenOnKeptPort, requireLoopback } from '../../../main/broker/kept-port.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lp-port-'));
  file = join(folder, 'port');
});
afterEach(() => rmSync(folder, { recursive: true }));

const free = async () => true;
const random = (n: number) => randomBytes(n);

describe('the port of the broker', () => {
  it('is picked once, kept in a file of our own, and used again', async () => {
    const first = await listenOnKeptPort(file, random, free);
    expect(first.changed).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await listenOnKeptPort(file, random, free)).toEqual({ port: first.port, changed: false });
  });

  it('lies between the registered ports and those of outgoing connections', async () => {
    for (let n = 0; n < 50; n++) {
      rmSync(file, { force: true });
      const { port } = await listenOnKeptPort(file, random, free);
      expect(port).toBeGreaterThanOrEqual(10_240);
      expect(port).toBeLessThanOrEqual(32_767);
    }
  });

  it('moves for good when another program holds it', async () => {
    writeFileSync(file, '12345\n');
    const moved = await listenOnKeptPort(file, random, async (port) => port !== 12_345);
    expect(moved.changed).toBe(true);
    expect(moved.port).not.toBe(12_345);
    expect(await listenOnKeptPort(file, random, free)).toEqual({ port: moved.port, changed: false });
  });

  it.each(['', 'x', '0', '80', '8030', '12345x', '012345', '-12345', '1e4', '65000', '99999', '12345\n12346', '\0\0\0\0\0'])(
    'is picked anew where the file says %j',
    async (text) => {
      writeFileSync(file, text);
      expect((await listenOnKeptPort(file, random, free)).changed).toBe(true);
      expect(readFileSync(file, 'utf8')).toMatch(/^\d{5}\n$/);
    },
  );

  it('does not follow a symbolic link in place of its file', async () => {
    const elsewhere = join(folder, 'elsewhere');
    writeFileSync(elsewhere, '12345\n');
    symlinkSync(elsewhere, file);
    const { port, changed } = await listenOnKeptPort(file, random, free);
    expect(changed).toBe(true);
    expect(readFileSync(elsewhere, 'utf8')).toBe('12345\n');
    expect(readFileSync(file, 'utf8')).toBe(`${port}\n`);
  });

  it('gives up when nothing is free', async () => {
    await expect(listenOnKeptPort(file, random, async () => false)).rejects.toMatchObject({ code: 'AGENT_START_FAILED', reason: 'port' });
  });

  it('says DISK_FULL when it cannot be kept', async () => {
    await expect(listenOnKeptPort(join(folder, 'none', 'port'), random, free)).rejects.toMatchObject({ code: 'DISK_FULL' });
  });

  it.each([
    null,
    '/run/socket',
    { address: '0.0.0.0', family: 'IPv4', port: 1 },
    { address: '::', family: 'IPv6', port: 1 },
    { address: '::1', family: 'IPv6', port: 1 },
  ])('is refused where it is bound to %j', (address) => {
    expect(() => requireLoopback(address)).toThrow(expect.objectContaining({ code: 'AGENT_START_FAILED', reason: 'address' }));
  });

  it('is accepted where it is bound to 127.0.0.1', () => {
    expect(() => requireLoopback({ address: '127.0.0.1', family: 'IPv4', port: 1 })).not.toThrow();
  });
});
