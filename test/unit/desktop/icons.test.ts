import { readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { iconFiles, pixels, png } from '../../../main/desktop/icons/draw.ts';
import { trayIcons } from '../../../main/desktop/tray-model.ts';

/** The lines of a PNG of ours, each with the byte of its filter; how they are packed differs from one zlib to another. */
function linesOf(file: Buffer): Buffer {
  const at = file.indexOf('IDAT');
  return inflateSync(file.subarray(at + 4, at + 4 + file.readUInt32BE(at - 4)));
}

describe('the icons of the tray', () => {
  it.each(iconFiles)('$name is as it was drawn', ({ name, icon, mono, size }) => {
    const file = readFileSync(new URL(`../../../main/desktop/icons/${name}`, import.meta.url));
    expect([file.readUInt32BE(16), file.readUInt32BE(20)]).toEqual([size, size]);
    expect(linesOf(file)).toEqual(linesOf(png(pixels(icon, mono, size), size)));
  });

  it('are another for every state, and black alone where macOS colours them', () => {
    expect(new Set(trayIcons.map((icon) => pixels(icon, false, 22).toString('hex'))).size).toBe(trayIcons.length);
    for (const icon of trayIcons) {
      const bytes = pixels(icon, true, 18);
      expect(bytes.filter((value, at) => at % 4 !== 3 && value !== 0)).toHaveLength(0);
    }
  });
});
