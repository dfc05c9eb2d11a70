/** The two files in which systems keep one icon in many sizes: ICO for Windows, ICNS for macOS. */

/** A square picture, as a PNG file and as its pixels: red, green, blue, alpha, from the top left. */
export interface Picture {
  size: number;
  png: Buffer;
  rgba: Buffer;
}

/**
 * An ICO file: its directory, then each picture. The largest is a PNG, as Windows has had it since Vista; the others are bitmaps, which
 * installers and older readers want.
 */
export function icoOf(pictures: readonly Picture[]): Buffer {
  const header = Buffer.alloc(6);
  header.writeUInt16LE(1, 2); // an icon, not a cursor
  header.writeUInt16LE(pictures.length, 4);
  const bodies = pictures.map((picture) => (picture.size >= 256 ? picture.png : bitmapOf(picture)));
  let offset = header.length + 16 * pictures.length;
  const entries = pictures.map(({ size }, index) => {
    const length = bodies[index]?.length ?? 0;
    const entry = Buffer.alloc(16);
    entry.writeUInt8(size % 256, 0); // 256 is written as 0
    entry.writeUInt8(size % 256, 1);
    entry.writeUInt16LE(1, 4);
    entry.writeUInt16LE(32, 6);
    entry.writeUInt32LE(length, 8);
    entry.writeUInt32LE(offset, 12);
    offset += length;
    return entry;
  });
  return Buffer.concat([header, ...entries, ...bodies]);
}

/** A BITMAPINFOHEADER with twice the height, the pixels from the bottom up as BGRA, and a mask of zeros: alpha says it better. */
function bitmapOf({ size, rgba }: Picture): Buffer {
  const header = Buffer.alloc(40);
  header.writeUInt32LE(40, 0);
  header.writeInt32LE(size, 4);
  header.writeInt32LE(size * 2, 8);
  header.writeUInt16LE(1, 12);
  header.writeUInt16LE(32, 14);
  const rows = Array.from({ length: size }, (_, y) => Buffer.from(rgba.subarray((size - 1 - y) * size * 4, (size - y) * size * 4)));
  const pixels = Buffer.concat(rows);
  for (let at = 0; at < pixels.length; at += 4) {
    const red = pixels.readUInt8(at);
    pixels.writeUInt8(pixels.readUInt8(at + 2), at);
    pixels.writeUInt8(red, at + 2);
  }
  const maskRow = Math.ceil(size / 32) * 4;
  return Buffer.concat([header, pixels, Buffer.alloc(maskRow * size)]);
}

/** What ICNS calls each size; the second name of a size is for screens with two pixels a point. */
const ICNS_TYPES: Record<number, readonly string[]> = {
  16: ['icp4'],
  32: ['icp5', 'ic11'],
  64: ['ic12'],
  128: ['ic07'],
  256: ['ic08', 'ic13'],
  512: ['ic09', 'ic14'],
  1024: ['ic10'],
};

/** An ICNS file: each picture as PNG under the types of its size. */
export function icnsOf(pictures: readonly Picture[]): Buffer {
  const chunks = pictures.flatMap(({ size, png }) => (ICNS_TYPES[size] ?? []).map((type) => chunk(type, png)));
  return chunk('icns', Buffer.concat(chunks));
}

function chunk(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.write(type, 0, 'latin1');
  head.writeUInt32BE(head.length + body.length, 4);
  return Buffer.concat([head, body]);
}
