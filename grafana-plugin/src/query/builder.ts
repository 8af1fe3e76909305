import { parser } from '@prometheus-io/lezer-promql';
import { type SyntaxNode } from '@lezer/common';
import { parseable, selectorText, type Matcher, type MatchOperator } from './promql';

export const AGGREGATES = ['sum', 'avg', 'min', 'max', 'count'] as const;
export const RANGE_FUNCTIONS = [
  'rate',
  'increase',
  'delta',
  'avg_over_time',
  'min_over_time',
  'max_over_time',
  'last_over_time',
] as const;

/** What the join with the catalog adds to series. */
const NAMES = ['name', 'name_zh', 'street', 'district', 'team'];

/** An expression that can be put together from fields. */
export interface Built {
  metric: string;
  matchers: Matcher[];
  /** One of RANGE_FUNCTIONS, or nothing. */
  fn: string;
  /** The range of fn. */
  window: string;
  /** One of AGGREGATES, or nothing. */
  aggregate: string;
  by: string[];
  /** Whether names and places of the catalog are added. */
  names: boolean;
}

export const EMPTY: Built = {
  metric: '',
  matchers: [],
  fn: '',
  window: '$__rate_interval',
  aggregate: '',
  by: [],
  names: false,
};

export function build(b: Built): string {
  if (b.metric === '' && b.matchers.length === 0) {
    return '';
  }
  let expr = selectorText(b.metric, b.matchers);
  if (b.fn !== '') {
    expr = `${b.fn}(${expr}[${b.window}])`;
  }
  if (b.names) {
    expr = `${expr} * on (asset) group_left (${NAMES.join(', ')}) asset_info`;
  }
  if (b.aggregate !== '') {
    expr = b.by.length > 0 ? `${b.aggregate} by (${b.by.join(', ')}) (${expr})` : `${b.aggregate}(${expr})`;
  }
  return expr;
}

/** The fields of an expression; nothing if it is more than the fields can say. */
export function unbuild(expr: string): Built | undefined {
  if (expr.trim() === '') {
    return EMPTY;
  }
  const built: Built = { ...EMPTY, matchers: [] };
  const root = parser.parse(parseable(expr)).topNode;
  let understood = true;
  root.cursor().iterate((at) => {
    understood = understood && !at.type.isError && take(at.node, expr, built);
  });
  // Whatever was not taken up would be lost by building it again.
  return understood && squeeze(build(built)) === squeeze(expr) ? built : undefined;
}

function take(node: SyntaxNode, expr: string, built: Built): boolean {
  const text = expr.slice(node.from, node.to);
  switch (node.type.name) {
    case 'AggregateOp':
      built.aggregate = text.toLowerCase();
      return isOneOf(AGGREGATES, built.aggregate);
    case 'GroupingLabels':
      if (node.parent?.type.name === 'AggregateModifier') {
        built.by = children(node, 'LabelName').map((n) => expr.slice(n.from, n.to));
      }
      return true;
    case 'FunctionIdentifier':
      built.fn = text;
      return isOneOf(RANGE_FUNCTIONS, text);
    case 'MatrixSelector':
      built.window = expr.slice(expr.indexOf('[', node.from) + 1, node.to - 1).trim();
      return true;
    case 'VectorSelector':
      return takeSelector(node, expr, built);
    default:
      return true;
  }
}

function takeSelector(node: SyntaxNode, expr: string, built: Built): boolean {
  const name = node.getChild('Identifier');
  const metric = name ? expr.slice(name.from, name.to) : '';
  const matchers = node.getChild('LabelMatchers');
  if (metric === 'asset_info' && !matchers && built.metric !== '') {
    built.names = true;
    return true;
  }
  if (built.metric !== '' || built.matchers.length > 0) {
    return false;
  }
  built.metric = metric;
  for (let m = matchers?.firstChild ?? null; m; m = m.nextSibling) {
    const matcher = readMatcher(m, expr);
    if (!matcher) {
      return false;
    }
    built.matchers.push(matcher);
  }
  return true;
}

function readMatcher(node: SyntaxNode, expr: string): Matcher | undefined {
  const label = node.getChild('LabelName');
  const op = node.getChild('MatchOp');
  const value = node.getChild('StringLiteral');
  if (!label || !op || !value) {
    return undefined;
  }
  const text = unquote(expr.slice(value.from, value.to));
  return text === undefined
    ? undefined
    : { name: expr.slice(label.from, label.to), op: expr.slice(op.from, op.to) as MatchOperator, value: text };
}

function unquote(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

function children(node: SyntaxNode, name: string): SyntaxNode[] {
  return node.getChildren(name);
}

function isOneOf(words: readonly string[], word: string): boolean {
  return words.includes(word);
}

/** An expression without the spaces that mean nothing; those in strings stay. */
function squeeze(expr: string): string {
  return expr.replace(/("(?:\\.|[^"\\])*")|\s+/g, (_, text?: string) => text ?? '');
}
