/** The keyed hash on files that hold rights: the same for whoever has the device vault, and for nobody else. */
import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openStamp } from '../../../main/agent/stamp.ts';
import { memoryDisk } from '../../fakes/memory-disk.ts';
import { codeOf } from './setting.ts';

describe('a stamp', () => {
  it('is the same after a restart, another for another text, and another on another device', async () => {
    const disk = memoryDisk();
    const first = await openStamp({ vault: disk.vault(), random: randomBytes });
    const again = await openStamp({ vault: disk.vault(), random: randomBytes });
    const elsewhere = await openStamp({ vault: memoryDisk().vault(), random: randomBytes });
    expect(again('text')).toBe(first('text'));
    expect(first('text')).toMatch(/^[0-9a-f]{64}$/);
    expect(first('texts')).not.toBe(first('text'));
    expect(elsewhere('text')).not.toBe(first('text'));
    expect(first('text')).not.toBe(createHash('sha256').update('text').digest('hex'));
  });

  it('has a key of 32 bytes, kept once and under a name of its own', async () => {
    const disk = memoryDisk();
    await openStamp({ vault: disk.vault(), random: randomBytes });
    await openStamp({ vault: disk.vault(), random: randomBytes });
    expect(disk.calls).toEqual(['seal file-stamp']);
    expect(disk.records.get('file-stamp')).toHaveLength(32);
  });

  it('is none where its key cannot be kept, or does not open', async () => {
    const full = memoryDisk();
    full.full();
    expect(await codeOf(openStamp({ vault: full.vault(), random: randomBytes }))).toBe('DISK_FULL');
    const spoilt = memoryDisk();
    await openStamp({ vault: spoilt.vault(), random: randomBytes });
    spoilt.spoil('file-stamp');
    expect(await codeOf(openStamp({ vault: spoilt.vault(), random: randomBytes }))).toBe('VAULT_CORRUPT');
  });
});
