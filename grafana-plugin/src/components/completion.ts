import { type Completion, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete';
import { syntaxTree } from '@codemirror/language';
import { type EditorState } from '@codemirror/state';
import { type SyntaxNode } from '@lezer/common';
import { newCompleteStrategy, type CompleteStrategy, type PrometheusClient } from '@prometheus-io/codemirror-promql';
import { EqlRegex, EqlSingle, Neq, NeqRegex } from '@prometheus-io/lezer-promql';
import type { BelfryDataSource } from '../datasource';
import { quote, selectorText, type Matcher, type MatchOperator } from '../query/promql';
import { askable, assetChoices, describeMetric, measuredChoices, metricChoices } from './choices';

/** What codemirror-promql asks a Prometheus, asked of Belfry by the plugin's backend. */
function client(source: BelfryDataSource): PrometheusClient {
  const { resources } = source;
  return {
    labelNames: (metric) => resources.labels(metric),
    labelValues: (label, metric, matchers) =>
      resources.labelValues(
        label,
        metric || matchers?.length
          ? selectorText(
              metric ?? '',
              (matchers ?? []).map((m): Matcher => ({ name: m.name, op: operator(m.type), value: m.value }))
            )
          : undefined
      ),
    metricMetadata: async () =>
      Object.fromEntries(
        (await resources.metrics()).map((m) => [m.name, [{ type: 'gauge', help: describeMetric(m, source.names()) }]])
      ),
    metricNames: async () => {
      const known = (await resources.metrics().catch(() => [])).map((m) => m.name);
      return [...new Set([...known, ...(await resources.labelValues('__name__'))])];
    },
    series: async () => [],
    flags: async () => ({}),
  };
}

// The types of matchers are the tokens of the parser.
const OPERATORS = new Map<number, MatchOperator>([
  [EqlSingle, '='],
  [Neq, '!='],
  [EqlRegex, '=~'],
  [NeqRegex, '!~'],
]);

function operator(type: number): MatchOperator {
  return OPERATORS.get(type) ?? '=';
}

/**
 * Completion of metrics, labels and values as Prometheus has it; besides, assets
 * by any of their names or pinyin initials, and metrics by what they measure.
 */
export function completion(source: BelfryDataSource): CompleteStrategy {
  const prometheus = newCompleteStrategy({ remote: client(source) });
  return {
    promQL: async (context) => {
      const inString = stringOfAsset(context.state, context.pos);
      if (inString) {
        return assets(source, context, inString);
      }
      const chinese = context.matchBefore(/\p{Script=Han}+/u);
      if (chinese) {
        return byChinese(source, chinese.from, chinese.text);
      }
      return prometheus.promQL(context);
    },
    destroy: () => prometheus.destroy?.(),
  };
}

interface AssetString {
  from: number;
  /** Of what assets are wanted; nothing where no metric is said. */
  metric: string;
}

/** Where the text of a string begins that is compared with the label asset. */
export function stringOfAsset(state: EditorState, pos: number): AssetString | undefined {
  const node = syntaxTree(state).resolveInner(pos, -1);
  const matcher = node.parent;
  const label = matcher?.getChild('LabelName');
  if (node.type.name !== 'StringLiteral' || !label || state.sliceDoc(label.from, label.to) !== 'asset') {
    return undefined;
  }
  return pos > node.from ? { from: node.from + 1, metric: metricAround(node, state) } : undefined;
}

function metricAround(node: SyntaxNode, state: EditorState): string {
  for (let up = node.parent; up; up = up.parent) {
    const name = up.type.name === 'VectorSelector' && up.getChild('Identifier');
    if (name) {
      return state.sliceDoc(name.from, name.to);
    }
  }
  return '';
}

async function assets(
  source: BelfryDataSource,
  context: CompletionContext,
  { from, metric }: AssetString
): Promise<CompletionResult> {
  const typed = context.state.sliceDoc(from, context.pos);
  const found = await measuredChoices(source, typed, askable(metric)).catch(() => []);
  return {
    from,
    // Belfry has searched names and pinyin, which the editor's own filter would not find again.
    filter: false,
    options: found.map(({ value, description }): Completion => ({
      label: value,
      detail: description,
      apply: escape(value),
    })),
  };
}

async function byChinese(source: BelfryDataSource, from: number, text: string): Promise<CompletionResult> {
  const [metrics, found] = await Promise.all([
    metricChoices(source, text).catch(() => []),
    assetChoices(source, text).catch(() => []),
  ]);
  return {
    from,
    filter: false,
    options: [
      ...metrics.map(({ value, description }): Completion => ({ label: value, detail: description, type: 'constant' })),
      ...found.map(({ value, description }): Completion => ({
        label: value,
        detail: description,
        apply: `{asset=${quote(value)}}`,
      })),
    ],
  };
}

function escape(value: string): string {
  return quote(value).slice(1, -1);
}
