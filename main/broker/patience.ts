/**
 * How long a client waits while a person is asked, and how it is kept waiting: spaces ahead of a JSON text mean nothing (RFC 8259
 * section 2), and each of them begins a client's wait anew. A client that names itself falsely harms nobody but itself.
 */
import type { ServerResponse } from 'node:http';
import { AppError } from '../app-error.ts';
import type { Clock } from '../ports.ts';
import { type Ms, ms, seconds } from '../units.ts';
import { sendSpace } from './answers.ts';
import type { Leave } from './gate.ts';
import type { Seen } from './guard.ts';

/** Python and Go wait ten seconds; what we say must reach them before. */
const patience: Ms = seconds(8);
/** For those who take a space for a sign of life. */
const longPatience: Ms = seconds(60);
const spaceEvery: Ms = seconds(4);
/** The answer to one question may raise the next; a request is not asked about for ever. */
const askedAtMost = 3;

/** Python's SDK asks with plain `requests`, whose ten seconds run between two bytes, and does not name itself. */
const patientAgents = /^python-requests\/|(?:^| )databricks-sdk-(?:py|js)\//;

/** How long this client can be made to wait. The JavaScript SDK waits for ever, names nobody and writes its headers in lower case. */
export function patienceOf({ userAgent, versionInLowerCase }: Pick<Seen, 'userAgent' | 'versionInLowerCase'>): Ms {
  const isPatient = userAgent === undefined ? versionInLowerCase : patientAgents.test(userAgent);
  return isPatient ? longPatience : patience;
}

type Asking = Extract<Leave, { kind: 'ask' }>;

/** One request's wait, counted from where it begins. */
export interface Wait {
  /** What the client will wait for work of ours: eight seconds at most. @throws AppError DEADLINE_PASSED: nothing is left */
  left(): Ms;
  /** @throws AppError DEADLINE_PASSED once nothing is left; the work goes on for others */
  until<T>(work: Promise<T>): Promise<T>;
  /**
   * Waits until it is worth asking the gate again. A client that can be kept waiting is, from here on.
   *
   * @throws AppError the leave's own: nobody answered while the client would wait, or it was asked about too often; the question
   *   stays open. Where the client has gone the question is withdrawn.
   */
  forPerson(leave: Asking): Promise<void>;
  /** No more signs of life: the answer has left, or nobody is there. */
  end(): void;
}

export function beginWait(clock: Clock, seen: Pick<Seen, 'userAgent' | 'versionInLowerCase'>, response: ServerResponse): Wait {
  const began = clock.elapsed();
  let limit = patience;
  let asked = 0;
  let stopSigns: (() => void) | undefined;
  const leftInAll = (): Ms => ms(limit - (clock.elapsed() - began));

  function left(): Ms {
    const most = ms(Math.min(patience, leftInAll()));
    if (most <= 0) throw new AppError('DEADLINE_PASSED');
    return most;
  }

  return {
    left,
    until: (work) => within(clock, left(), work),
    async forPerson(leave) {
      // check: asked-about-limit
      if (asked >= askedAtMost) throw leave.error;
      // end check
      asked++;
      limit = patienceOf(seen);
      if (limit > patience) stopSigns ??= giveSigns(clock, ms(spaceEvery - (clock.elapsed() - began)), response);
      const how = await personAnswers(clock, leftInAll(), leave, response);
      if (how === 'gone') leave.withdraw();
      if (how !== 'answered') throw leave.error;
    },
    end: () => stopSigns?.(),
  };
}

/** A space every few seconds until it is called off; the first as if they had begun with the request. */
function giveSigns(clock: Clock, first: Ms, response: ServerResponse): () => void {
  let cancel = clock.after(first, giveSign);
  function giveSign(): void {
    if (response.destroyed) return;
    sendSpace(response);
    cancel = clock.after(spaceEvery, giveSign);
  }
  return () => cancel();
}

type Waited = 'answered' | 'late' | 'gone';

function personAnswers(clock: Clock, limit: Ms, { answered }: Asking, response: ServerResponse): Promise<Waited> {
  return new Promise((resolve) => {
    const settle = (how: Waited) => {
      cancel();
      response.off('close', gone);
      resolve(how);
    };
    const gone = () => settle('gone');
    const cancel = clock.after(limit, () => settle('late'));
    response.once('close', gone);
    if (response.destroyed) gone();
    const whenAnswered = () => settle('answered');
    answered.then(whenAnswered, whenAnswered);
  });
}

function within<T>(clock: Clock, limit: Ms, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(limit, () => reject(new AppError('DEADLINE_PASSED')));
    work.then(resolve, reject).finally(cancel);
  });
}
