import {
  parser,
  VectorSelector,
  MatrixSelector,
  LabelMatchers,
  Identifier,
  FunctionCall,
  OffsetExpr,
  StepInvariantExpr,
} from '@prometheus-io/lezer-promql';
import { type SyntaxNode } from '@lezer/common';

export type MatchOperator = '=' | '!=' | '=~' | '!~';

export interface Matcher {
  name: string;
  op: MatchOperator;
  value: string;
}

/** The labels that only the catalog's `asset_info` has. Samples have `asset`, and no more of this. */
export const CATALOG_LABELS = ['domain', 'district', 'street', 'community', 'team', 'kind', 'name', 'name_zh'];

/** A string of PromQL, with its quotes. */
export function quote(text: string): string {
  const escaped = text
    .replace(/\\/g, '\\\\')
    .replace(/"/g, '\\"')
    .replace(/\n/g, '\\n')
    .replace(/\r/g, '\\r')
    .replace(/\t/g, '\\t');
  return `"${escaped}"`;
}

/** A regular expression (RE2) that only this text matches. */
export function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

export function matcherText({ name, op, value }: Matcher): string {
  const label = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : quote(name);
  return `${label}${op}${quote(value)}`;
}

/** `metric{a="b"}`, or what a selector without a metric looks like. */
export function selectorText(metric: string, matchers: Matcher[]): string {
  const plain = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(metric);
  const inside = matchers.map(matcherText);
  if (metric !== '' && !plain) {
    inside.unshift(quote(metric));
  }
  return (plain ? metric : '') + (inside.length > 0 || !plain ? `{${inside.join(',')}}` : '');
}

// Grafana's macros are no PromQL, but the backend puts durations and numbers in
// their place. They are parsed as such, at the same length, so that places stay.
const MACRO = /\$(?:__(?:interval|rate_interval|range)\b|\{__(?:interval|rate_interval|range)(?::[a-z]+)?\})/g;
const NUMBER_MACRO =
  /\$(?:__(?:interval_ms|rate_interval_ms|range_ms|range_s)\b|\{__(?:interval_ms|rate_interval_ms|range_ms|range_s)(?::[a-z]+)?\})/g;

/** An expression with something of the same length in place of the macros. */
export function parseable(expr: string): string {
  return expr
    .replace(NUMBER_MACRO, (text) => '1'.padEnd(text.length))
    .replace(MACRO, (text) => '1m'.padEnd(text.length));
}

interface Selector {
  node: SyntaxNode;
  metric: string;
  matchers: SyntaxNode | null;
}

function selectors(expr: string): Selector[] {
  const found: Selector[] = [];
  parser.parse(parseable(expr)).iterate({
    enter: ({ type, node }) => {
      if (type.id !== VectorSelector) {
        return;
      }
      const name = node.getChild(Identifier);
      found.push({
        node,
        metric: name ? expr.slice(name.from, name.to) : '',
        matchers: node.getChild(LabelMatchers),
      });
    },
  });
  return found;
}

/** Whether an expression can be read, with Grafana's macros in it. */
export function isComplete(expr: string): boolean {
  let complete = expr.trim() !== '';
  parser.parse(parseable(expr)).iterate({
    enter: ({ type }) => {
      complete = complete && !type.isError;
    },
  });
  return complete;
}

/** The names of the metrics of an expression, each once, in the order in which they come. */
export function metricsOf(expr: string): string[] {
  return [
    ...new Set(
      selectors(expr)
        .map((s) => s.metric)
        .filter((name) => name !== '')
    ),
  ];
}

/** The selectors of an expression, as they are written. */
export function selectorsOf(expr: string): string[] {
  return [...new Set(selectors(expr).map((s) => expr.slice(s.node.from, s.node.to)))];
}

interface Edit {
  at: number;
  text: string;
  /** Of edits at one place those of inner things come first at an end, and last at a beginning. */
  order: number;
}

/**
 * Narrows every selector of an expression. What only the catalog knows is joined
 * by `asset_info`, as samples have no such labels.
 */
export function narrow(expr: string, matchers: Matcher[]): string {
  const own = matchers.filter((m) => !CATALOG_LABELS.includes(m.name));
  const catalog = matchers.filter((m) => CATALOG_LABELS.includes(m.name));
  const edits: Edit[] = [];
  for (const selector of selectors(expr)) {
    if (hasOwnPlace(selector.metric)) {
      addMatchers(expr, selector, matchers, edits);
      continue;
    }
    addMatchers(expr, selector, own, edits);
    if (catalog.length > 0) {
      const outer = joinable(selector.node);
      edits.push({ at: outer.from, text: '(', order: -1 });
      edits.push({ at: outer.to, text: ` and on (asset) ${selectorText('asset_info', catalog)})`, order: 1 });
    }
  }
  return apply(expr, edits);
}

/** Series that say themselves where they belong. */
function hasOwnPlace(metric: string): boolean {
  return metric === 'asset_info' || metric.startsWith('belfry_') || metric.startsWith('ALERTS');
}

/** The smallest expression around a selector that is an instant vector of the same series. */
function joinable(node: SyntaxNode): SyntaxNode {
  let outer = node;
  let range = false;
  for (let up = node.parent; up; up = up.parent) {
    const modifies = up.type.id === MatrixSelector || up.type.id === OffsetExpr || up.type.id === StepInvariantExpr;
    range = range || up.type.id === MatrixSelector;
    if (modifies) {
      outer = up;
    } else if (!range) {
      return outer;
    } else if (up.type.id === FunctionCall) {
      return up;
    }
  }
  return outer;
}

function addMatchers(expr: string, { node, matchers }: Selector, add: Matcher[], edits: Edit[]) {
  if (add.length === 0) {
    return;
  }
  const text = add.map(matcherText).join(',');
  if (!matchers) {
    edits.push({ at: node.to, text: `{${text}}`, order: 0 });
    return;
  }
  const inside = expr.slice(matchers.from + 1, matchers.to - 1).trimEnd();
  const separator = inside === '' || inside.endsWith(',') ? '' : ',';
  edits.push({ at: matchers.to - 1, text: separator + text, order: 0 });
}

function apply(expr: string, edits: Edit[]): string {
  const inOrder = [...edits].sort((a, b) => a.at - b.at || a.order - b.order);
  let out = '';
  let done = 0;
  for (const edit of inOrder) {
    out += expr.slice(done, edit.at) + edit.text;
    done = edit.at;
  }
  return out + expr.slice(done);
}

/** Where an expression cannot be read. Variables of a dashboard may stand where names and numbers do. */
export function mistakes(expr: string): Array<{ from: number; to: number }> {
  if (expr.trim() === '') {
    return [];
  }
  const text = parseable(expr).replace(/\$(?:\w+|\{[^}"]*\})/g, (variable) => 'v'.repeat(variable.length));
  const found: Array<{ from: number; to: number }> = [];
  parser.parse(text).iterate({
    enter: ({ type, from, to }) => {
      if (type.isError) {
        found.push({
          from: Math.min(from, Math.max(0, expr.length - 1)),
          to: Math.max(to, Math.min(from + 1, expr.length)),
        });
      }
    },
  });
  return found;
}
