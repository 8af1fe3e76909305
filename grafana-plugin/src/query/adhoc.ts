import { type AdHocVariableFilter } from '@grafana/data';
import { t } from '@grafana/i18n';
import { FILTER_FIELDS, filterOf, partOf } from './interpolate';
import { CATALOG_LABELS, literal, metricsOf, narrow, type Matcher } from './promql';
import { type BelfryQuery, type Filter } from '../types';

/** The values of a filter: those of its list, or its only one. */
function valuesOf(filter: AdHocVariableFilter): string[] {
  return filter.values && filter.values.length > 0 ? filter.values : [filter.value];
}

export function toMatcher(filter: AdHocVariableFilter): Matcher {
  const { key: name, operator } = filter;
  switch (operator) {
    case '=':
    case '!=':
    case '=~':
    case '!~':
      return { name, op: operator, value: filter.value };
    case '=|':
      return { name, op: '=~', value: valuesOf(filter).map(literal).join('|') };
    case '!=|':
      return { name, op: '!~', value: valuesOf(filter).map(literal).join('|') };
    default:
      throw refuse(filter);
  }
}

function refuse({ key, operator }: AdHocVariableFilter): Error {
  return new Error(
    t('adhoc.refused', 'The filter {{key}} {{operator}} cannot be applied here: use =, !=, "one of" or "not one of".', {
      key,
      operator,
    })
  );
}

/** A query with the filters of a dashboard: as matchers of its selectors, or as words of its filter fields. */
export function withFilters(query: BelfryQuery, filters: AdHocVariableFilter[] = []): BelfryQuery {
  const given = filters.filter((f) => f.key !== '' && f.operator !== '');
  if (given.length === 0) {
    return query;
  }
  const kind = query.kind ?? 'metrics';
  if (kind === 'metrics') {
    return { ...query, expr: narrowSamples(query.expr ?? '', given) };
  }
  if (kind === 'anomalies') {
    // A selector cannot be joined with the catalog.
    const own = given.filter((f) => !CATALOG_LABELS.includes(f.key));
    return {
      ...query,
      anomalies: { ...query.anomalies, select: narrowSamples(query.anomalies?.select ?? '', own) },
    };
  }
  const part = partOf(query, kind);
  for (const filter of given) {
    if (FILTER_FIELDS[kind].includes(filter.key)) {
      part[filter.key] = narrowFilter(filterOf(part, filter.key), filter);
    }
  }
  return { ...query, [kind]: part };
}

/** What hazards and assets have, and hardly any samples. */
const HAZARD_FIELDS = ['severity', 'state', 'status', 'rule'];

/** Hazards as series, whose rule is in another label. */
const isAlerts = (metric: string) => metric.startsWith('ALERTS');

/**
 * An expression with filters. Those of hazards would leave nothing of readings, so
 * they narrow only the series that have such a label.
 */
function narrowSamples(expr: string, filters: AdHocVariableFilter[]): string {
  const metrics = metricsOf(expr);
  const ofAlerts = metrics.length > 0 && metrics.every(isAlerts);
  return narrow(
    expr,
    filters.map((filter) => {
      const matcher = toMatcher(filter);
      if (!HAZARD_FIELDS.includes(filter.key)) {
        return matcher;
      }
      return orAbsent(ofAlerts && filter.key === 'rule' ? { ...matcher, name: 'alertname' } : matcher);
    })
  );
}

/** A label that is not there is one that is empty. */
function orAbsent(matcher: Matcher): Matcher {
  switch (matcher.op) {
    case '=':
      return { ...matcher, op: '=~', value: `${literal(matcher.value)}|` };
    case '=~':
      return { ...matcher, value: `(?:${matcher.value})|` };
    default:
      return matcher;
  }
}

function narrowFilter(words: Filter, filter: AdHocVariableFilter): Filter {
  switch (filter.operator) {
    case '=':
    case '=|':
      return intersect(words, valuesOf(filter));
    case '!=':
    case '!=|':
      return [...words, ...valuesOf(filter).map((value) => `!${value}`)];
    default:
      throw refuse(filter);
  }
}

/** What both want. Where they want nothing in common, a word is both wanted and excluded, so that nothing is found. */
function intersect(words: Filter, values: string[]): Filter {
  const wanted = words.filter((word) => !word.startsWith('!'));
  const excluded = words.filter((word) => word.startsWith('!'));
  if (wanted.length === 0) {
    return [...values, ...excluded];
  }
  const both = wanted.filter((word) => values.includes(word));
  return both.length > 0 ? [...both, ...excluded] : [wanted[0], `!${wanted[0]}`];
}
