/**
 * What the agent answered, as one value for a screen: fetched once, fetched anew when the revision of the state has moved, never by a
 * clock. What was there before stays on the screen while it is fetched, and when that fails.
 */
import { QueryClient, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { UiCall, UiInput, UiOutput } from '../../preload/contract/ui.ts';
import { type Answer, answerOf } from './answer.ts';
import type { Line } from './connection.ts';

const clients = new WeakMap<Line, { client: QueryClient; revision: number | null }>();

/** Each line has one client, which forgets what it knew when the state moves on. The agent is on this machine: no network, no retries. */
function clientOf(line: Line): { client: QueryClient; revision: number | null } {
  const known = clients.get(line);
  if (known !== undefined) return known;
  const queries = { staleTime: Number.POSITIVE_INFINITY, retry: false, networkMode: 'always', refetchOnWindowFocus: false } as const;
  const made = { client: new QueryClient({ defaultOptions: { queries } }), revision: null };
  clients.set(line, made);
  return made;
}

function useClient(line: Line, revision: number): QueryClient {
  const known = clientOf(line);
  useEffect(() => {
    if (known.revision !== null && known.revision !== revision) void known.client.invalidateQueries();
    known.revision = revision;
  }, [known, revision]);
  return known.client;
}

/** @param isWanted false: nothing is asked; the answer is as it was, or is being waited for */
export function useAnswer<N extends UiCall>(
  line: Line,
  revision: number,
  name: N,
  input: UiInput<N>,
  isWanted = true,
): Answer<UiOutput<N>> {
  const client = useClient(line, revision);
  const query = useQuery(
    { queryKey: [name, input], queryFn: () => line.ask(name, input), enabled: isWanted, placeholderData: (before) => before },
    client,
  );
  return answerOf({ ...query, data: query.data as UiOutput<N> | undefined });
}

export interface Pages<T> {
  answer: Answer<T[]>;
  hasMore: boolean;
  isAdding: boolean;
  more: () => void;
}

/** Answers that come a page at a time: `next` says which page follows, null where none does. */
export function useAnswerPages<N extends UiCall>(
  line: Line,
  revision: number,
  name: N,
  inputOf: (page: number | null) => UiInput<N>,
  next: (page: UiOutput<N>) => number | null,
): Pages<UiOutput<N>> {
  const client = useClient(line, revision);
  const query = useInfiniteQuery(
    {
      queryKey: [name, 'pages', inputOf(null)],
      queryFn: ({ pageParam }) => line.ask(name, inputOf(pageParam)),
      initialPageParam: null as number | null,
      getNextPageParam: next,
      placeholderData: (before) => before,
    },
    client,
  );
  return {
    answer: answerOf({ ...query, data: query.data?.pages }),
    hasMore: query.hasNextPage,
    isAdding: query.isFetchingNextPage,
    more: () => void query.fetchNextPage(),
  };
}
