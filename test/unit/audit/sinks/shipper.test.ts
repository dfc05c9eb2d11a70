/** Every record reaches the sink at least once, in order, whatever happens to the sink, the cursor, the log or the process. */
import fs from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeRecord } from '../../../../main/audit/record.ts';
import { segmentFile } from '../../../../main/audit/segment.ts';
import { NotSent } from '../../../../main/audit/sinks/sink.ts';
import { hours, minutes, ms, seconds } from '../../../../main/units.ts';
import { firstSegment, linesOf } from '../audit-folder.ts';
import { shipping } from './shipping.ts';

const upTo = (n: number, from = 1): number[] => Array.from({ length: n - from + 1 }, (_, i) => from + i);
const checkpoint = { type: 'audit.checkpoint', size: 1, root: 'AA==', why: 'time', note: 'n' } as const;
const down = (): never => {
  throw new NotSent('way', { reason: 'line' });
};

describe('a sink that works', () => {
  it('gets what was written within five seconds, and all that came meanwhile in one batch', async () => {
    const { append, sink, clock, until, shipper } = await shipping();
    append(3);
    await clock.advance(seconds(4));
    expect(sink.tries).toEqual([]);
    append(2);
    await until(() => sink.batches.length > 0);
    expect(sink.batches.map((batch) => batch.map(({ seq }) => seq))).toEqual([[1, 2, 3, 4, 5]]);
    expect(shipper.view()).toMatchObject({ name: 'company', lastSeq: 5, waiting: 0, problem: null });
    expect(shipper.lastSent()).toMatchObject({ seq: 5, event_type: 'token.served-again' });
  });

  it('gets a checkpoint at once', async () => {
    const { append, sink, log, until } = await shipping();
    append(1);
    log.append(checkpoint);
    await until(() => sink.batches.length > 0, 0);
    expect(sink.seqs()).toEqual([1, 2]);
  });

  it('gets no more than 500 records in a batch', async () => {
    const { append, sink, until } = await shipping();
    append(1201);
    await until(() => sink.seqs().length === 1201);
    expect(sink.batches.map(({ length }) => length)).toEqual([500, 500, 201]);
    expect(sink.seqs()).toEqual(upTo(1201));
  });

  it('gets no more than half a MiB in a batch', async () => {
    const { log, sink, until } = await shipping();
    const scopes = Array.from({ length: 64 }, (_, n) => `${n}`.padEnd(128, 'x'));
    for (let n = 0; n < 150; n += 1) log.append({ type: 'grant.widened', grant: 'g', scopes, approved: 'tap' });
    await until(() => sink.seqs().length === 150);
    expect(sink.seqs()).toEqual(upTo(150));
    for (const batch of sink.batches) expect(JSON.stringify(batch).length).toBeLessThan(530 * 1024);
    expect(sink.batches.length).toBeGreaterThan(2);
  });

  it('goes on where it was after a start, over the ends of segments', async () => {
    const { append, sink, shipper, again, until } = await shipping({ segmentBytes: 2000 });
    append(20);
    await until(() => sink.seqs().length === 20);
    await shipper.close();
    append(20);
    await again();
    await until(() => sink.seqs().length >= 40);
    expect(sink.seqs()).toEqual(upTo(40));
  });

  it('gets what is there when the agent stops', async () => {
    const { append, log, sink, shipper } = await shipping();
    append(1);
    log.append(checkpoint);
    await shipper.close();
    expect(sink.seqs()).toEqual([1, 2]);
    await shipper.close();
  });
});

describe('a segment that somebody put behind the one in use', () => {
  it('is no record of ours, and silences nothing', async () => {
    const { append, sink, shipper, until, folder, log } = await shipping();
    append(3);
    await until(() => sink.seqs().length === 3);
    const head = { seq: 10_000_000, at: '2026-01-05T09:00:00.000Z', id: '019b8d2e-7a00-7abc-8def-0123456789ab', prev: 'ab'.repeat(32) };
    fs.writeFileSync(segmentFile(folder, 2), encodeRecord(head, { type: 'agent.stopped', reason: 'forged' }).line);
    await shipper.close();
    expect([log.head().segment, sink.seqs()]).toEqual([1, [1, 2, 3]]);
  });
});

describe('a sink that is down', () => {
  it('for a day is asked ever less often, and gets all of it when it is back', async () => {
    const { append, sink, shipper, until, clock } = await shipping();
    sink.answer = down;
    append(10);
    const since = clock.now();
    await until(() => clock.now() - since > hours(24), minutes(1));
    const { length } = sink.tries;
    // Pauses of two and a half minutes on average make 576; a sixth as many again is chance.
    expect(length).toBeGreaterThan(200);
    expect(length).toBeLessThan(1200);
    expect(shipper.view()).toMatchObject({ waiting: 10, problem: { code: 'AUDIT_SINK_UNREACHABLE', reason: 'line' } });
    expect(shipper.problem()).toMatchObject({ code: 'AUDIT_SINK_UNREACHABLE' });
    append(700);
    sink.answer = undefined;
    await until(() => sink.seqs().length >= 710, minutes(1));
    expect(sink.seqs()).toEqual(upTo(710));
    expect([shipper.view().problem, shipper.problem()]).toEqual([null, null]);
  });

  it('is not hurried by new records, nor by checkpoints', async () => {
    const { append, sink, clock, until, log } = await shipping({ random: (bytes) => Buffer.alloc(bytes, 0xff) });
    const at: number[] = [];
    sink.answer = () => {
      at.push(clock.now());
      return down();
    };
    append(1);
    await until(() => at.length === 1);
    append(5);
    log.append(checkpoint);
    await until(() => at.length === 2, 10);
    const [first = 0, second = 0] = at;
    expect(second - first).toBeGreaterThan(1900);
  });

  it.each([
    [seconds(90), seconds(90)],
    [hours(50), hours(1)],
  ])('that asks for %d ms of patience is given it, up to an hour', async (retryAfter, given) => {
    const { append, sink, clock, until } = await shipping();
    const at: number[] = [];
    sink.answer = () => {
      at.push(clock.now());
      throw new NotSent('way', { reason: 'status', retryAfter });
    };
    append(1);
    // Whoever waits for it lets time pass while the disk works, so the pause is some steps longer, and never shorter.
    await until(() => at.length === 2, seconds(5));
    const [first = 0, second = 0] = at;
    expect(second - first).toBeGreaterThanOrEqual(given);
    expect(second - first).toBeLessThan(hours(50));
  });

  it('that never answers is given up after half a minute, and asked again', async () => {
    const { append, sink, shipper, until } = await shipping();
    sink.answer = (_, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    append(1);
    await until(() => sink.tries.length >= 2);
    expect(shipper.view().problem).toMatchObject({ code: 'AUDIT_SINK_UNREACHABLE', reason: 'time' });
  });

  it('does not hold up the end of the agent', async () => {
    const { append, sink, shipper, clock, until } = await shipping();
    sink.answer = (_, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    append(1);
    await until(() => sink.tries.length === 1);
    let ended = false;
    void shipper.close().then(() => {
      ended = true;
    });
    const since = clock.now();
    await until(() => ended, 100);
    expect(clock.now() - since).toBeLessThanOrEqual(2100);
  });

  it('that hangs and heeds nobody is given up, is not asked again before it lets go, and does not hold up the end of the agent', async () => {
    const { append, sink, shipper, clock, until } = await shipping();
    const letGo = Promise.withResolvers<number>();
    sink.answer = () => letGo.promise;
    append(1);
    await until(() => shipper.problem() !== null);
    expect(shipper.view().problem).toMatchObject({ code: 'AUDIT_SINK_UNREACHABLE', reason: 'time' });
    expect(sink.tries).toHaveLength(1);
    const since = clock.now();
    await shipper.close();
    expect(clock.now()).toBe(since);
    letGo.resolve(0);
  });

  it('that let go at last is asked again', async () => {
    const { append, sink, shipper, until } = await shipping();
    const letGo = Promise.withResolvers<number>();
    sink.answer = () => letGo.promise;
    append(1);
    await until(() => shipper.problem() !== null);
    sink.answer = undefined;
    letGo.reject(new NotSent('way', { reason: 'io' }));
    await until(() => sink.seqs().length > 0);
    expect([sink.seqs(), shipper.view().problem]).toEqual([[1], null]);
  });

  it('is sent nothing more once the time that the end of the agent allows is over', async () => {
    const { append, sink, clock, until, again, log } = await shipping();
    const disk = Promise.withResolvers<void>();
    const shipper = await again({ audit: { ...log, synced: () => disk.promise } });
    append(3000);
    let ended = false;
    void shipper.close().then(() => {
      ended = true;
    });
    await clock.advance(seconds(5));
    disk.resolve();
    await until(() => ended, 0);
    expect(sink.tries).toEqual([]);
    await again();
    await until(() => sink.seqs().at(-1) === 3000);
    expect(sink.seqs()).toEqual(upTo(3000));
  });

  it('does not keep a record from being written, nor from being on the disk', async () => {
    const { append, log, sink, until } = await shipping();
    sink.answer = () => new Promise(() => undefined);
    append(1);
    await until(() => sink.tries.length === 1);
    append(5);
    await log.synced();
    expect(log.head().seq).toBe(6);
  });

  it('of which a bug makes something else than a refusal, is tried again as well', async () => {
    const { append, sink, shipper, until } = await shipping();
    sink.answer = () => {
      throw new RangeError('a bug');
    };
    append(1);
    await until(() => sink.tries.length >= 2);
    expect(shipper.view().problem).toMatchObject({ code: 'INTERNAL' });
    sink.answer = undefined;
    await until(() => sink.seqs().length === 1);
  });
});

describe('what cannot be sent', () => {
  const poisoned = (seq: number) => (batch: readonly { seq: number }[]) => {
    if (batch.some((each) => each.seq === seq)) throw new NotSent('records', { reason: 'status' });
    return 0;
  };

  it('is found among its neighbours, refused three times, passed over and told', async () => {
    const { append, sink, until } = await shipping();
    sink.answer = poisoned(137);
    append(300);
    await until(() => sink.seqs().length >= 300);
    expect(sink.seqs()).toEqual([...upTo(136), ...upTo(301, 138)]);
    expect(sink.tries.filter(([only, ...others]) => others.length === 0 && only?.seq === 137)).toHaveLength(3);
    expect(sink.batches.flat().at(-1)).toMatchObject({
      ...{ event_type: 'audit.export-skipped', reason: 'refused', count: 1 },
      details: { sink: 'company', from_seq: 137, to_seq: 137 },
    });
  });

  it('by a receiver that refuses everything does not make a storm, and is told as one when the agent stops', async () => {
    const { append, sink, shipper, clock, until, log } = await shipping();
    sink.answer = () => {
      throw new NotSent('records', { reason: 'status' });
    };
    append(50);
    const since = clock.now();
    await until(() => clock.now() - since > hours(6), minutes(1));
    expect(sink.tries.length).toBeLessThan(400);
    expect(shipper.view().problem).toMatchObject({ code: 'AUDIT_SINK_REFUSED' });
    await shipper.close();
    const told = log.tail(100).filter(({ type }) => type === 'audit.export-skipped');
    expect(told).toHaveLength(1);
    expect(told).toMatchObject([{ reason: 'refused', fromSeq: 1 }]);
  });

  it('of what the receiver says it has thrown away, it is told how many', async () => {
    const { append, sink, until, log } = await shipping();
    sink.answer = (batch) => (batch.length === 10 ? 4 : 0);
    append(10);
    await until(() => sink.seqs().length === 11);
    expect(log.tail(1)).toMatchObject([{ type: 'audit.export-skipped', reason: 'refused', count: 4, fromSeq: 1, toSeq: 10 }]);
  });

  it('since it is too old, is passed over and told', async () => {
    const { append, sink, until, clock, log } = await shipping({ caps: { bytes: 1e9, age: hours(24) } });
    sink.answer = down;
    append(10);
    await clock.advance(hours(20));
    append(5);
    await clock.advance(hours(5));
    // What was read before then may still be on its way.
    await until(() => sink.tries.at(-1)?.[0]?.seq === 11, minutes(1));
    sink.answer = undefined;
    await until(() => sink.seqs().length >= 6, minutes(1));
    expect(sink.seqs()).toEqual(upTo(16, 11));
    expect(log.tail(1)).toMatchObject([{ type: 'audit.export-skipped', reason: 'age', count: 10, fromSeq: 1, toSeq: 10 }]);
  });

  it('since it is too much, is passed over, oldest first, and told', async () => {
    const { append, sink, until, log, folder, clock } = await shipping({ segmentBytes: 4000, caps: { bytes: 10_000, age: hours(1000) } });
    sink.answer = down;
    append(200);
    await clock.advance(minutes(20));
    await until(() => (sink.tries.at(-1)?.[0]?.seq ?? 1) > 1, minutes(1));
    sink.answer = undefined;
    await until(() => sink.seqs().at(-1) === 201, minutes(1));
    const first = sink.seqs()[0] ?? 0;
    expect(sink.seqs()).toEqual(upTo(201, first));
    const bytesOf = (lines: string[]) => lines.reduce((sum, line) => sum + line.length + 1, 0);
    const all = log.files().flatMap(linesOf);
    expect(bytesOf(all.slice(first - 1, 200))).toBeLessThanOrEqual(10_000);
    expect(bytesOf(all.slice(first - 2, 200))).toBeGreaterThan(10_000);
    expect(log.tail(1)).toMatchObject([{ reason: 'bytes', count: first - 1, fromSeq: 1, toSeq: first - 1 }]);
    expect(fs.readdirSync(folder).length).toBeGreaterThan(5);
  });

  it('is still told when the agent died before it could be said', async () => {
    const { append, sink, until, again, log, cursorFile } = await shipping();
    append(1);
    await until(() => sink.seqs().length === 1);
    sink.answer = () => {
      throw new NotSent('records', { reason: 'status' });
    };
    append(1);
    await until(() => fs.readFileSync(cursorFile, 'utf8').includes('refused'));
    sink.answer = undefined;
    await again();
    append(1);
    await until(() => sink.seqs().length === 3);
    expect(sink.seqs()).toEqual([1, 3, 4]);
    expect(log.tail(1)).toMatchObject([{ type: 'audit.export-skipped', reason: 'refused', count: 1, fromSeq: 2, toSeq: 2 }]);
  });
});

describe('a cursor', () => {
  const sentTwice = async (spoil: (file: string, folder: string) => void) => {
    const { append, sink, shipper, again, until, cursorFile, folder } = await shipping({ segmentBytes: 2000 });
    append(20);
    await until(() => sink.seqs().length === 20);
    await shipper.close();
    spoil(cursorFile, folder);
    sink.batches.length = 0;
    await again();
    append(1);
    await until(() => sink.seqs().includes(21));
    return sink.seqs();
  };
  const edit = (change: (body: { position: Record<string, unknown>; to: string }) => void) => (file: string) => {
    const kept = JSON.parse(fs.readFileSync(file, 'utf8')) as { body: string; stamp: string };
    const body = JSON.parse(kept.body) as { position: Record<string, unknown>; to: string };
    change(body);
    fs.writeFileSync(file, JSON.stringify({ ...kept, body: JSON.stringify(body) }));
  };

  it('that is whole is gone by', async () => {
    expect(await sentTwice(() => undefined)).toEqual([21]);
  });

  it.each<[string, (file: string, folder: string) => void]>([
    ['is gone', (file) => fs.rmSync(file)],
    ['is empty', (file) => fs.writeFileSync(file, '')],
    ['is cut short', (file) => fs.truncateSync(file, 40)],
    ['is no JSON', (file) => fs.writeFileSync(file, '\u0000\u0000')],
    ['is a list', (file) => fs.writeFileSync(file, '[]')],
    [
      'is a folder',
      (file) => {
        fs.rmSync(file);
        fs.mkdirSync(file);
      },
    ],
    [
      'is a link',
      (file) => {
        fs.renameSync(file, `${file}.real`);
        fs.symlinkSync(`${file}.real`, file);
      },
    ],
    [
      'was set forward',
      edit(({ position }) => {
        position['offset'] = 0;
      }),
    ],
    [
      'was set to another number',
      edit(({ position }) => {
        position['seq'] = 5;
      }),
    ],
    [
      'was given another destination',
      edit((body) => {
        body.to = 'https://elsewhere.example';
      }),
    ],
  ])('that %s counts as none: all is sent once more', async (_, spoil) => {
    expect(await sentTwice(spoil)).toEqual(upTo(21));
  });

  it('that was set to a later record of the same log counts as none: no record is kept from the sink by that', async () => {
    const { append, sink, shipper, again, until, cursorFile, folder, log } = await shipping();
    append(5);
    await until(() => sink.seqs().length === 5);
    await shipper.close();
    append(3);
    const { seq, hash } = log.head();
    edit(({ position }) => Object.assign(position, { seq, hash, offset: fs.statSync(firstSegment(folder)).size }))(cursorFile);
    sink.batches.length = 0;
    await again();
    append(1);
    await until(() => sink.seqs().includes(9));
    expect(sink.seqs()).toEqual(upTo(9));
  });

  it('of another destination counts as none', async () => {
    const { append, sink, shipper, again, until } = await shipping();
    append(5);
    await until(() => sink.seqs().length === 5);
    await shipper.close();
    sink.batches.length = 0;
    await again({ sink: { ...sink, to: 'https://elsewhere.example' } });
    append(1);
    await until(() => sink.seqs().includes(6));
    expect(sink.seqs()).toEqual(upTo(6));
  });

  it('of another log counts as none, and nothing is said to be gone', async () => {
    const one = await shipping();
    one.append(9);
    await one.until(() => one.sink.seqs().length === 9);
    await one.shipper.close();
    const other = await shipping();
    other.append(4);
    await other.shipper.close();
    const before = other.sink.seqs().length;
    await other.again({ cursorFile: one.cursorFile });
    await other.until(() => other.sink.seqs().length >= before + 4);
    expect(other.sink.seqs().slice(before)).toEqual(upTo(4));
    expect(other.log.tail(9).filter(({ type }) => type === 'audit.export-skipped')).toEqual([]);
  });

  it('whose segment is gone goes on with what is there, and tells what is not', async () => {
    const { append, sink, shipper, again, until, folder, log } = await shipping({ segmentBytes: 2000 });
    append(8);
    await until(() => sink.seqs().length === 8);
    await shipper.close();
    append(30);
    fs.rmSync(segmentFile(folder, 1));
    fs.rmSync(segmentFile(folder, 2));
    sink.batches.length = 0;
    await again();
    await until(() => sink.batches.flat().at(-1)?.event_type === 'audit.export-skipped');
    const first = sink.seqs()[0] ?? 0;
    expect(sink.seqs()).toEqual(upTo(39, first));
    expect(log.tail(1)).toMatchObject([{ reason: 'gone', fromSeq: 9, toSeq: first - 1, count: first - 9 }]);
  });

  it('is never ahead of what was acknowledged', async () => {
    const { append, sink, until, cursorFile } = await shipping();
    const kept = (): number => {
      const { body } = JSON.parse(fs.readFileSync(cursorFile, 'utf8')) as { body: string };
      return (JSON.parse(body) as { position: { seq: number } }).position.seq;
    };
    append(500);
    await until(() => sink.seqs().length === 500);
    await until(() => fs.existsSync(cursorFile));
    sink.answer = () => {
      expect(kept()).toBe(500);
      return down();
    };
    append(700);
    await until(() => sink.tries.length >= 4);
    expect(kept()).toBe(500);
  });

  it('in a log of which somebody takes away what has yet to go, goes on behind it, and tells how much', async () => {
    const { append, sink, until, folder, log } = await shipping({ segmentBytes: 2000 });
    sink.answer = down;
    append(30);
    await until(() => sink.tries.length >= 2);
    for (const number of [1, 2]) fs.rmSync(segmentFile(folder, number));
    sink.answer = undefined;
    await until(() => sink.batches.flat().at(-1)?.event_type === 'audit.export-skipped');
    const first = sink.seqs()[0] ?? 0;
    expect(first).toBeGreaterThan(1);
    expect(sink.seqs()).toEqual(upTo(31, first));
    expect(log.tail(1)).toMatchObject([{ reason: 'gone', fromSeq: 1, toSeq: first - 1, count: first - 1 }]);
  });

  it('that cannot be written costs repetitions and no record', async () => {
    const { append, sink, until, again, cursorFile, logged } = await shipping();
    fs.mkdirSync(cursorFile);
    append(3);
    await until(() => sink.seqs().length === 3);
    await until(() => logged.some(({ event }) => event === 'audit.cursor-unwritten'));
    await again();
    await until(() => sink.seqs().length >= 6);
    expect(sink.seqs()).toEqual([1, 2, 3, 1, 2, 3]);
  });
});

describe('a log', () => {
  it('with a damaged line is sent without it, and the number that is missing is told', async () => {
    const { append, sink, shipper, until, folder, log } = await shipping();
    append(5);
    const lines = linesOf(firstSegment(folder));
    fs.writeFileSync(
      firstSegment(folder),
      `${lines.map((line, at) => (at === 2 ? line.replace('"count":3', '"count":4') : line)).join('\n')}\n`,
    );
    await until(() => sink.seqs().includes(5) && shipper.view().waiting === 0);
    expect(sink.seqs()).toEqual([1, 2, 4, 5, 6]);
    expect(log.tail(1)).toMatchObject([{ type: 'audit.export-skipped', reason: 'gone', count: 1, fromSeq: 3, toSeq: 3 }]);
  });

  it('whose folder cannot be read is a problem of its own, and is read when it can', async () => {
    const { append, sink, shipper, until, folder } = await shipping();
    append(2);
    fs.renameSync(folder, `${folder}-away`);
    await until(() => shipper.view().problem !== null);
    expect(shipper.view().problem).toMatchObject({ code: 'AUDIT_BROKEN', reason: 'unreadable' });
    fs.renameSync(`${folder}-away`, folder);
    await until(() => sink.seqs().length === 2);
  });
});

/** One step of a day: records are written, the sink falls over or stands up, the process dies at whatever point it is. */
const step = fc.oneof(
  fc.record({ do: fc.constant('write' as const), count: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ do: fc.constant('sink' as const), how: fc.constantFrom('up', 'down', 'after', 'slow', 'picky') }),
  fc.record({ do: fc.constant('wait' as const), for: fc.constantFrom(1, 900, 5000, 400_000) }),
  fc.record({ do: fc.constant('kill' as const) }),
);

it('brings every record at least once, in order, and none that was not written, through any crashes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const { append, sink, clock, again, until, log, folder } = await shipping({ segmentBytes: 3000 });
      let how = 'up';
      sink.answer = (batch) => {
        if (how === 'down') return down();
        // It has arrived, and the answer is lost.
        if (how === 'after') {
          sink.batches.push(batch);
          return down();
        }
        if (how === 'picky' && batch.length > 7) throw new NotSent('records', { reason: 'status' });
        return how === 'slow' ? new Promise((resolve) => clock.after(seconds(3), () => resolve(0))) : 0;
      };
      for (const each of steps) {
        if (each.do === 'write') append(each.count);
        else if (each.do === 'wait') await clock.advance(each.for);
        else if (each.do === 'sink') how = each.how;
        else await again();
      }
      how = 'up';
      append(1);
      const all = log.files().flatMap(linesOf).length;
      await until(() => sink.seqs().at(-1) === all, ms(60_000));
      const written = new Map(
        log
          .files()
          .flatMap(linesOf)
          .map((line) => {
            const { seq, id } = JSON.parse(line) as { seq: number; id: string };
            return [seq, id];
          }),
      );
      const sent = sink.batches.flat();
      expect(sent.filter(({ seq, event_uid }) => written.get(seq) !== event_uid)).toEqual([]);
      expect([...new Set(sent.map(({ seq }) => seq))].sort((a, b) => a - b)).toEqual(upTo(all));
      expect(fs.existsSync(folder)).toBe(true);
    }),
    { numRuns: 25 },
  );
});
