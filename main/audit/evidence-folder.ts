/** The folder of an evidence: a copy of the log as it was at one moment, and how anybody checks it elsewhere. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { mkdir, open, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setImmediate as otherWork } from 'node:timers/promises';
import { listSegments } from './segment.ts';

/** A record that is on its way is there whole a moment later; where the log was cut it never is. */
const MOST_LOOKS = 100;

/**
 * Copies every segment as far as it was written at one moment, while an agent goes on writing: what comes after stays out.
 *
 * @param to a folder that is not there yet
 * @throws the system's error when the log cannot be read or the copy not be written
 */
export async function copyLog(from: string, to: string): Promise<void> {
  const segments = listSegments(from).map(({ file }) => ({ file, size: statSync(file).size }));
  const newest = segments.at(-1);
  for (let look = 0; newest !== undefined && look < MOST_LOOKS && !(await endsInRecord(newest)); look += 1) {
    await otherWork();
    newest.size = statSync(newest.file).size;
  }
  await mkdir(to, { mode: 0o700 });
  for (const { file, size } of segments) {
    const target = createWriteStream(path.join(to, path.basename(file)), { mode: 0o600, flags: 'wx' });
    if (size === 0) await new Promise<void>((done, failed) => target.on('error', failed).end(done));
    else await pipeline(createReadStream(file, { end: size - 1 }), target);
  }
}

async function endsInRecord({ file, size }: { file: string; size: number }): Promise<boolean> {
  if (size === 0) return true;
  const handle = await open(file);
  try {
    const last = Buffer.alloc(1);
    await handle.read(last, 0, 1, size - 1);
    return last[0] === 10;
  } finally {
    await handle.close();
  }
}

/** What stands in HOW-TO-VERIFY.txt. @param parts.last the newest record of the copy */
export const howToVerify = ({
  last,
  hasKeys,
  hasKept,
}: {
  last: { seq: number; hash: string } | null;
  hasKeys: boolean;
  hasKept: boolean;
}): string =>
  `How to verify this evidence on another machine

1. That this folder is as it was made:      sha256sum --check SHA256SUMS
   Note the SHA-256 of SHA256SUMS elsewhere when you get the folder: the list itself is not signed.

2. That the log in audit/ is whole and sealed by the device, with Lakepass on any machine, without an agent:
     lakepass audit verify ./audit --key KEY${hasKept ? ' --checkpoints ./checkpoints-kept.txt' : ''}
   KEY is the public key of the device that somebody else than its user noted when the device was set up (\`lakepass audit key\`)${
     hasKeys
       ? '.\n   device-key.pem here holds the key this folder was made with: compare it with the one that was noted before you use it.'
       : '.\n   The log names a key itself (audit.key), but so would a forged one: use the one that was noted.'
   }
   The command says what that proves and what it cannot prove. With checkpoints that a collector got (--checkpoints FILE) it shows
   that nothing was cut off or written anew, too.

3. That index.html and evidence.json say what the log says: make them anew from the copy, and compare.
     mkdir -p again/state && cp -r audit again/state/audit
     lakepass evidence --home again --from ... --to ... --out again/evidence${hasKeys ? ' --key ./device-key.pem' : ''}${hasKept ? ' --checkpoints ./checkpoints-kept.txt' : ''}
   With a bundle: --bundle FILE, as then. Only when it was made, and by which version, may differ, and under "integrity" who says
   whose key it is, where that was the agent.

4. The chain alone without Lakepass, in Python:

import glob, hashlib, json
prev, seq = "0" * 64, 0
for name in sorted(glob.glob("audit/audit-*.jsonl")):
    for line in open(name, "rb"):
        body, tail = line[:-76], line[-76:]
        record = json.loads(line)
        digest = hashlib.sha256(body).hexdigest()
        assert tail == b',"hash":"%s"}\\n' % digest.encode(), (name, seq + 1, "hash")
        assert (record["prev"], record["seq"]) == (prev, seq + 1), (name, seq + 1, "chain")
        prev, seq = digest, record["seq"]
print(seq, prev)${last === null ? '' : `\n\n   It must print: ${last.seq} ${last.hash}`}
`;

/** Writes SHA256SUMS over all that is in the folder, as sha256sum reads it. */
export async function writeSums(folder: string): Promise<void> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((each) => each.isFile())
    .map((each) => path.relative(folder, path.join(each.parentPath, each.name)))
    .sort();
  let sums = '';
  for (const name of names) {
    const digest = createHash('sha256');
    await pipeline(createReadStream(path.join(folder, name)), digest);
    sums += `${digest.digest('hex')}  ${name}\n`;
  }
  await writeFile(path.join(folder, 'SHA256SUMS'), sums, { mode: 0o600, flag: 'wx' });
}
