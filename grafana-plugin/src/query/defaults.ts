import { CoreApp } from '@grafana/data';
import { type BelfryQuery, type Kind, type Parts } from '../types';

/** What a new query asks, and what a kind begins with when it is chosen. */
export const PARTS: Parts = {
  hazards: { show: 'table', status: ['open'], limit: 1000 },
  assets: { show: 'table', limit: 1000 },
  events: { limit: 500 },
  anomalies: { select: '', limit: 20 },
  response: { show: 'summary', by: 'team' },
};

export function defaultQuery(app?: CoreApp): Partial<BelfryQuery> {
  return {
    kind: 'metrics',
    expr: '',
    range: app !== CoreApp.UnifiedAlerting && app !== CoreApp.CloudAlerting,
    instant: app === CoreApp.UnifiedAlerting || app === CoreApp.CloudAlerting || app === CoreApp.Explore,
    format: 'time_series',
    editorMode: 'builder',
  };
}

/** A query after another kind was chosen: what was there of that kind stays. */
export function ofKind(query: BelfryQuery, kind: Kind): BelfryQuery {
  if (kind === 'metrics') {
    return { ...query, ...(query.expr === undefined ? defaultQuery() : {}), kind };
  }
  return { ...query, kind, [kind]: query[kind] ?? PARTS[kind] };
}
