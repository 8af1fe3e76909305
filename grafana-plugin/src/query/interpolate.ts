import { type ScopedVars, type TypedVariableModel } from '@grafana/data';
import { type TemplateSrv } from '@grafana/runtime';
import { literal } from './promql';
import { type BelfryQuery, type Filter, type PartKind } from '../types';

/** What has the words of every filter field of the parts. */
export const FILTER_FIELDS: { [K in PartKind]: string[] } = {
  hazards: ['status', 'severity', 'domain', 'team', 'street', 'district', 'rule', 'asset'],
  assets: ['domain', 'team', 'street', 'district', 'state', 'asset', 'metrics'],
  events: ['kind', 'domain', 'team', 'severity', 'asset'],
  anomalies: [],
  response: ['domain', 'team', 'street', 'severity'],
};

const TEXT_FIELDS: { [K in PartKind]: string[] } = {
  hazards: ['show', 'by', 'q'],
  assets: ['q'],
  events: ['q'],
  anomalies: ['detector'],
  response: ['show', 'by'],
};

/** More values than this are more than the backend takes of one filter. */
const MOST_WORDS = 1000;

const ALL = ['All', '$__all', '.*', '.+'];

/** The part of a query that its kind chooses; an empty one where it has none. */
export function partOf(query: BelfryQuery, kind: PartKind): Record<string, unknown> {
  return { ...query[kind] };
}

export function filterOf(part: Record<string, unknown>, field: string): Filter {
  const words = part[field];
  return Array.isArray(words) ? words.filter((word): word is string => typeof word === 'string') : [];
}

/**
 * The words of a filter with variables replaced. A variable with several values
 * becomes several words; with one at All only what is excluded counts.
 */
export function interpolateFilter(words: Filter, templates: TemplateSrv, scopedVars: ScopedVars): Filter {
  const out = new Set<string>();
  let everything = false;
  for (const word of words) {
    const values: string[][] = [];
    let atAll = false;
    const pattern = templates.replace(word, scopedVars, (value: unknown, variable: { name?: string } = {}) => {
      atAll = atAll || (Array.isArray(value) && isAtAll(variable.name, templates.getVariables()));
      values.push(Array.isArray(value) ? value.map(String) : [String(value ?? '')]);
      return `\u0000${values.length - 1}\u0000`;
    });
    everything = everything || atAll;
    for (const text of atAll ? [] : product(pattern, values)) {
      everything = everything || ALL.includes(text);
      if (text !== '' && text !== '!' && out.size < MOST_WORDS) {
        out.add(text);
      }
    }
  }
  return everything ? [...out].filter((word) => word.startsWith('!')) : [...out];
}

function product(pattern: string, values: string[][]): string[] {
  return values.reduce(
    (texts, several, i) =>
      texts
        .flatMap((text) => several.slice(0, MOST_WORDS).map((value) => text.split(`\u0000${i}\u0000`).join(value)))
        .slice(0, MOST_WORDS),
    [pattern]
  );
}

function isAtAll(name: string | undefined, variables: TypedVariableModel[]): boolean {
  const variable = variables.find((v) => v.name === name);
  if (!variable || !('current' in variable)) {
    return false;
  }
  const current: unknown = variable.current;
  if (typeof current !== 'object' || current === null || !('value' in current)) {
    return false;
  }
  return Array.isArray(current.value) ? current.value.includes('$__all') : current.value === '$__all';
}

/** An expression with variables replaced: several values become a regular expression of them all. */
export function interpolateExpr(expr: string, templates: TemplateSrv, scopedVars: ScopedVars): string {
  return templates.replace(expr, withoutMacros(scopedVars), exprFormat);
}

function exprFormat(value: unknown, variable: { multi?: boolean; includeAll?: boolean } = {}): string {
  if (Array.isArray(value)) {
    const all = value.map((v) => inString(literal(String(v))));
    return all.length === 1 ? all[0] : `(${all.join('|')})`;
  }
  const text = String(value ?? '');
  return inString(variable.multi || variable.includeAll ? literal(text) : text);
}

/** As it has to be between the quotes of a string of PromQL. */
function inString(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/'/g, "\\'").replace(/\n/g, '\\n');
}

/** The backend knows the step, and so what depends on it. */
function withoutMacros(scopedVars: ScopedVars): ScopedVars {
  const { __interval, __interval_ms, ...rest } = scopedVars;
  return rest;
}

/** A query with all its variables replaced. */
export function interpolate(query: BelfryQuery, templates: TemplateSrv, scopedVars: ScopedVars): BelfryQuery {
  const kind = query.kind ?? 'metrics';
  if (kind === 'metrics') {
    return {
      ...query,
      expr: interpolateExpr(query.expr ?? '', templates, scopedVars),
      interval: templates.replace(query.interval ?? '', withoutMacros(scopedVars)),
      legendFormat: templates.replace(query.legendFormat ?? '', scopedVars),
    };
  }
  const part = partOf(query, kind);
  for (const field of FILTER_FIELDS[kind]) {
    if (part[field] !== undefined) {
      part[field] = interpolateFilter(filterOf(part, field), templates, scopedVars);
    }
  }
  for (const field of TEXT_FIELDS[kind]) {
    const text = part[field];
    if (typeof text === 'string') {
      part[field] = templates.replace(text, scopedVars);
    }
  }
  if (kind === 'anomalies' && typeof part.select === 'string') {
    part.select = interpolateExpr(part.select, templates, scopedVars);
  }
  return { ...query, [kind]: part };
}
