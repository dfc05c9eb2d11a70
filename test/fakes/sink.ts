/** A sink that remembers what it was sent and does what it is told. As strict as a real one: a batch must fit the schema and be in order. */
import { type Envelope, envelopeSchema } from '../../main/audit/envelope.ts';
import type { Sink } from '../../main/audit/sinks/sink.ts';

export interface FakeSink extends Sink {
  /** Batches that were accepted, oldest first. */
  readonly batches: (readonly Envelope[])[];
  /** Batches that came at all. */
  readonly tries: (readonly Envelope[])[];
  /** What becomes of a batch before it is accepted: a throw refuses it, a promise holds it. Absent: it is accepted whole. */
  answer: ((batch: readonly Envelope[], signal: AbortSignal) => Promise<number> | number) | undefined;
  seqs(): number[];
}

export function fakeSink(name = 'company', to = 'https://collector.acme.example'): FakeSink {
  const sink: FakeSink = {
    ...{ name, kind: 'otlp', to, batches: [], tries: [], answer: undefined },
    seqs: () => sink.batches.flat().map(({ seq }) => seq),
    async send(batch, signal) {
      if (batch.length === 0) throw new TypeError('an empty batch');
      for (const each of batch) envelopeSchema.parse(each);
      if (batch.some(({ seq }, at) => seq <= (batch[at - 1]?.seq ?? 0))) throw new TypeError('a batch out of order');
      sink.tries.push(batch);
      const rejected = (await sink.answer?.(batch, signal)) ?? 0;
      signal.throwIfAborted();
      sink.batches.push(batch);
      return { rejected };
    },
  };
  return sink;
}
