/**
 * Draws the icons of the tray, for each state a coloured one and a template (black and clear, which macOS colours itself), at one and
 * two pixels a point, and writes them beside this file. What it writes is checked in.
 *
 *   node main/desktop/icons/draw.ts
 */
import { writeFile } from 'node:fs/promises';
import { crc32, deflateSync } from 'node:zlib';
import { type TrayIcon, trayIcons } from '../tray-model.ts';

/** Red, green, blue and alpha, each from 0 to 1. */
type Colour = readonly [number, number, number, number];
/** Whether a point of the unit square, x to the right and y downwards, is inside. */
type Shape = (x: number, y: number) => boolean;

const hex = (text: string): Colour =>
  [0, 2, 4].map((at) => Number.parseInt(text.slice(at, at + 2), 16) / 255).concat(1) as unknown as Colour;
const white = hex('ffffff');
const black = hex('000000');
const clear: Colour = [0, 0, 0, 0];

const circle =
  (cx: number, cy: number, r: number): Shape =>
  (x, y) =>
    Math.hypot(x - cx, y - cy) <= r;
/** A rectangle with round corners. */
const plate =
  (inset: number, radius: number): Shape =>
  (x, y) => {
    const far = (value: number): number => Math.max(Math.abs(value - 0.5) - (0.5 - inset - radius), 0);
    return Math.hypot(far(x), far(y)) <= radius;
  };
const box =
  (left: number, top: number, right: number, bottom: number): Shape =>
  (x, y) =>
    x >= left && x <= right && y >= top && y <= bottom;
/** The moon over its light on the water, which is a keyhole. */
const moon = circle(0.5, 0.38, 0.17);
const keyhole: Shape = (x, y) => moon(x, y) || (y >= 0.45 && y <= 0.82 && Math.abs(x - 0.5) <= 0.06 + (y - 0.45) * 0.36);
const bar = box(0.2, 0.42, 0.8, 0.6);
const crescent: Shape = (x, y) => circle(0.5, 0.5, 0.28)(x, y) && !circle(0.62, 0.4, 0.26)(x, y);

const whole = plate(0.02, 0.22);
const badge = circle(0.78, 0.78, 0.22);
const around = circle(0.78, 0.78, 0.29);

/** What is drawn in each state: the colour of the plate, and what is seen on it. */
const looks: Readonly<Record<TrayIcon, { ground: Colour; mark: Shape; badge?: Colour }>> = {
  in: { ground: hex('1c6e8c'), mark: keyhole },
  out: { ground: hex('76838b'), mark: keyhole },
  away: { ground: hex('1c6e8c'), mark: crescent },
  locked: { ground: hex('33424c'), mark: bar },
  asking: { ground: hex('1c6e8c'), mark: keyhole, badge: hex('e8890c') },
};

function coloured(icon: TrayIcon, x: number, y: number): Colour {
  const { ground, mark, badge: dot } = looks[icon];
  if (dot !== undefined && badge(x, y)) return dot;
  if (dot !== undefined && around(x, y)) return clear;
  if (!whole(x, y)) return clear;
  return mark(x, y) ? white : ground;
}

function template(icon: TrayIcon, x: number, y: number): Colour {
  const { mark, badge: dot } = looks[icon];
  if (dot !== undefined && badge(x, y)) return black;
  if ((dot !== undefined && around(x, y)) || !whole(x, y)) return clear;
  // Nobody is signed in: an empty frame.
  if (icon === 'out') return plate(0.12, 0.14)(x, y) && !mark(x, y) ? clear : black;
  return mark(x, y) ? clear : black;
}

/** Points looked at along each side of a pixel. */
const samples = 8;

/** Four bytes a pixel, from the top left. Colours count by how much of the pixel they cover. */
export function pixels(icon: TrayIcon, mono: boolean, size: number): Buffer {
  const colourAt = mono ? template : coloured;
  const bytes = Buffer.alloc(size * size * 4);
  for (let at = 0; at < size * size; at++) {
    const sum = [0, 0, 0, 0];
    for (let sample = 0; sample < samples * samples; sample++) {
      const x = ((at % size) + ((sample % samples) + 0.5) / samples) / size;
      const y = (Math.floor(at / size) + (Math.floor(sample / samples) + 0.5) / samples) / size;
      const [red, green, blue, alpha] = colourAt(icon, x, y);
      for (const [channel, value] of [red * alpha, green * alpha, blue * alpha, alpha].entries())
        sum[channel] = (sum[channel] ?? 0) + value;
    }
    const [red = 0, green = 0, blue = 0, alpha = 0] = sum;
    const of = (value: number): number => (alpha === 0 ? 0 : Math.round((value / alpha) * 255));
    bytes.set([of(red), of(green), of(blue), Math.round((alpha / samples ** 2) * 255)], at * 4);
  }
  return bytes;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}

/** A PNG (ISO/IEC 15948) of eight bits a channel with alpha; every line is without a filter. */
export function png(rgba: Buffer, size: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 6, 0, 0, 0], 8);
  const lines = Array.from({ length: size }, (_, row) =>
    Buffer.concat([Buffer.of(0), rgba.subarray(row * size * 4, (row + 1) * size * 4)]),
  );
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    ...[signature, chunk('IHDR', header), chunk('IDAT', deflateSync(Buffer.concat(lines), { level: 9 })), chunk('IEND', Buffer.alloc(0))],
  ]);
}

/** Every file: its name, and what is in it. Menu bars and panels are 16 to 24 points high. */
export const iconFiles: readonly { name: string; icon: TrayIcon; mono: boolean; size: number }[] = trayIcons.flatMap((icon) =>
  [false, true].flatMap((mono) =>
    [1, 2].map((scale) => ({
      name: `tray-${icon}${mono ? '-mono' : ''}${scale === 1 ? '' : '@2x'}.png`,
      icon,
      mono,
      size: (mono ? 18 : 22) * scale,
    })),
  ),
);

if (import.meta.main)
  for (const { name, icon, mono, size } of iconFiles) await writeFile(new URL(name, import.meta.url), png(pixels(icon, mono, size), size));
