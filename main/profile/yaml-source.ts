/**
 * YAML text as a plain value that remembers on which line each part of it stood.
 *
 * A configuration file is small and says one thing once: duplicate keys, tags of any kind, several documents and piles of
 * aliases are refused. Problems are worded here and never quote the file, which may hold what does not belong in a log.
 */
import { type Document, isMap, isNode, isScalar, LineCounter, type Node, parseDocument, visit } from 'yaml';

export interface Place {
  line: number;
  column: number;
}

/** Something to correct, and where. */
export class ConfigProblem extends Error {
  override readonly name = 'ConfigProblem';
  readonly place: Place;
  readonly fix: string;
  constructor(place: Place, message: string, fix: string, options?: ErrorOptions) {
    super(message, options);
    this.place = place;
    this.fix = fix;
  }
}

export interface YamlSource {
  readonly value: unknown;
  /** The place of the value at `path`; of its nearest surroundings when it is not there. */
  placeOf(path: readonly PropertyKey[]): Place;
  /** The place of the key `key` inside the map at `path`. */
  placeOfKey(path: readonly PropertyKey[], key: string): Place;
}

const MOST_ALIASES = 20;
const top: Place = { line: 1, column: 1 };

/** What the parser found, by its own code; anything else is "not valid YAML". */
const wording: Record<string, [string, string]> = {
  DUPLICATE_KEY: ['This key stands twice in the same map.', 'Keep one of them.'],
  TAB_AS_INDENT: ['A tab is used for indentation.', 'Indent with spaces.'],
  BAD_INDENT: ['The indentation does not fit.', 'Line it up with its neighbours.'],
  MULTIPLE_DOCS: ['The file holds several documents.', 'Keep one, without `---` between.'],
  TAG_RESOLVE_FAILED: ['A YAML tag is used here.', 'Write plain values without tags.'],
};

/**
 * @throws ConfigProblem where the text is not YAML, or more than a plain configuration needs
 */
export function readYaml(text: string): YamlSource {
  const lines = new LineCounter();
  const document = parse(text, lines);
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return line === 0 ? top : { line, column: col };
  };
  const fault = document.errors[0] ?? document.warnings[0];
  // check: config-yaml-faults
  if (fault) {
    const [message, fix] = wording[fault.code] ?? ['This is not valid YAML.', 'Look at the quotes, colons and indentation here.'];
    throw new ConfigProblem(placeAt(fault.pos[0]), message, fix);
  }
  // end check
  const start = (node: unknown): Place | undefined => (isNode(node) && node.range ? placeAt(node.range[0]) : undefined);
  refuseOddKeys(document, (node) => start(node) ?? top);
  return {
    value: plainValue(document),
    placeOf: (path) => {
      for (let length = path.length; length >= 0; length--) {
        const found = start(document.getIn(path.slice(0, length), true));
        if (found) return found;
      }
      return top;
    },
    placeOfKey(path, key) {
      const map = path.length === 0 ? document.contents : document.getIn(path, true);
      const pair = isMap(map) ? map.items.find((item) => isScalar(item.key) && item.key.value === key) : undefined;
      return start(pair?.key) ?? this.placeOf(path);
    },
  };
}

function parse(text: string, lineCounter: LineCounter): Document.Parsed {
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: true, strict: true, merge: false });
  } catch (error) {
    // The parser is recursive: a few thousand opening brackets exhaust the stack.
    throw new ConfigProblem(top, 'The file is nested too deeply.', 'Write it as README shows.', { cause: error });
  }
}

function plainValue(document: Document.Parsed): unknown {
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (error) {
    throw new ConfigProblem(top, 'The file uses an alias that leads nowhere, or too many of them.', 'Write the values out.', {
      cause: error,
    });
  }
}

/** Every key is text; `__proto__` is a key that JavaScript would swallow instead of refusing. */
function refuseOddKeys(document: Document.Parsed, placeOf: (node: Node | null) => Place): void {
  visit(document, {
    Pair(_, pair) {
      const key = pair.key;
      const isPlain = isScalar(key) && typeof key.value === 'string' && key.value !== '__proto__';
      // check: config-odd-keys
      if (!isPlain) throw new ConfigProblem(placeOf(isNode(key) ? key : null), 'This cannot be a key.', 'Use the keys of the schema.');
      // end check
    },
  });
}
