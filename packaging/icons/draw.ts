/**
 * Draws the icons from the two SVG files beside this one and writes them here: for macOS icon.icns, for Windows icon.ico, for Linux a
 * folder of PNG files. What it writes is checked in; run it again when a drawing changes.
 *
 *   node packaging/icons/draw.ts [CHROMIUM]
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from '@playwright/test';
import { icnsOf, icoOf, type Picture } from './containers.ts';

const here = new URL('.', import.meta.url);

const LINUX = [16, 24, 32, 48, 64, 128, 256, 512] as const;
const WINDOWS = [16, 20, 24, 32, 40, 48, 64, 128, 256] as const;
const MACOS = [16, 32, 64, 128, 256, 512, 1024] as const;

/** Below this the waves of the large drawing are noise. */
const SMALL = 32;
/** macOS draws no plate of its own: icons there leave a tenth free on each side, so that they look as large as their neighbours. */
const MACOS_SCALE = 0.86;

/** Runs in the page, whose words these are: draws, and hands back the PNG file and the pixels in Base64. */
const drawInPage = `async ({ source, size, scale }) => {
  const image = new Image();
  image.src = source;
  await image.decode();
  const canvas = new OffscreenCanvas(size, size);
  const context = canvas.getContext('2d');
  const drawn = Math.round(size * scale);
  context.drawImage(image, (size - drawn) / 2, (size - drawn) / 2, drawn, drawn);
  const png = await canvas.convertToBlob({ type: 'image/png' }).then((blob) => blob.bytes());
  return { png: png.toBase64(), rgba: new Uint8Array(context.getImageData(0, 0, size, size).data).toBase64() };
}`;

async function picture(page: Page, svg: string, size: number, scale: number): Promise<Picture> {
  const source = `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`;
  const drawn = await page.evaluate<{ png: string; rgba: string }>(`(${drawInPage})(${JSON.stringify({ source, size, scale })})`);
  return { size, png: Buffer.from(drawn.png, 'base64'), rgba: Buffer.from(drawn.rgba, 'base64') };
}

/** Chromium draws an image at the size its root names, so that is what it is given. */
const sized = (svg: string, size: number): string => svg.replace('<svg ', `<svg width="${size}" height="${size}" `);

const [large, small] = await Promise.all(['lakepass.svg', 'lakepass-small.svg'].map((name) => readFile(new URL(name, here), 'utf8')));
if (large === undefined || small === undefined) throw new Error('a drawing is missing');
const drawingFor = (size: number): string => sized(size <= SMALL ? small : large, size);

const browser = await chromium.launch({ executablePath: process.argv[2] ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  const page = await browser.newPage();
  const draw = (sizes: readonly number[], scaleOf: (size: number) => number): Promise<Picture[]> =>
    Promise.all(sizes.map((size) => picture(page, drawingFor(size), size, scaleOf(size))));
  const linux = await draw(LINUX, () => 1);
  await mkdir(new URL('linux/', here), { recursive: true });
  for (const { size, png } of linux) await writeFile(new URL(`linux/${size}x${size}.png`, here), png);
  await writeFile(new URL('icon.ico', here), icoOf(await draw(WINDOWS, () => 1)));
  // At 16 and 32 pixels a margin would cost the mark its shape.
  await writeFile(new URL('icon.icns', here), icnsOf(await draw(MACOS, (size) => (size <= SMALL ? 1 : MACOS_SCALE))));
} finally {
  await browser.close();
}
process.stdout.write(`Drew the icons in ${fileURLToPath(here)}\n`);
