import { withFilters } from './adhoc';
import { type BelfryQuery } from '../types';

const filter = (key: string, operator: string, value: string, values?: string[]) => ({ key, operator, value, values });
const metrics = (expr: string): BelfryQuery => ({ refId: 'A', kind: 'metrics', expr });

describe('filters of a dashboard become matchers', () => {
  it.each([
    [filter('point', '=', 'A"1'), 'x{point="A\\"1"}'],
    [filter('point', '!=', 'A1'), 'x{point!="A1"}'],
    [filter('point', '=~', 'A.*'), 'x{point=~"A.*"}'],
    [filter('point', '=|', 'A1', ['A1', 'B.2']), 'x{point=~"A1|B\\\\.2"}'],
    [filter('point', '!=|', 'A1', ['A1', 'B2']), 'x{point!~"A1|B2"}'],
    [filter('street', '=', 'jiefangbei'), '(x and on (asset) asset_info{street="jiefangbei"})'],
  ])('%j', (given, want) => {
    expect(withFilters(metrics('x'), [given]).expr).toBe(want);
  });

  it.each([
    [filter('severity', '=', 'critical'), 'x', 'x{severity=~"critical|"}'],
    [filter('status', '=|', 'a.b', ['a.b', 'c']), 'x', 'x{status=~"(?:a\\\\.b|c)|"}'],
    [filter('state', '=~', 'o.*|ok'), 'x', 'x{state=~"(?:o.*|ok)|"}'],
    [filter('severity', '!=', 'info'), 'x', 'x{severity!="info"}'],
    [filter('rule', '=', 'Leak'), 'ALERTS', 'ALERTS{alertname=~"Leak|"}'],
    [filter('rule', '=', 'Leak'), 'x', 'x{rule=~"Leak|"}'],
  ])('%j leaves readings that have no such label', (given, expr, want) => {
    expect(withFilters(metrics(expr), [given]).expr).toBe(want);
  });

  it('says which filter cannot be one', () => {
    expect(() => withFilters(metrics('x'), [filter('point', '<', '5')])).toThrow(/point/);
  });

  it('leaves out a filter that is not finished', () => {
    expect(withFilters(metrics('x'), [filter('', '=', '')]).expr).toBe('x');
  });
});

describe('filters of a dashboard become words', () => {
  const hazards = (team: string[]): BelfryQuery => ({ refId: 'A', kind: 'hazards', hazards: { team } });

  it.each([
    [[], filter('team', '=', 'sanitation'), ['sanitation']],
    [['sanitation', 'municipal'], filter('team', '=', 'municipal'), ['municipal']],
    [['sanitation'], filter('team', '=', 'municipal'), ['sanitation', '!sanitation']],
    [['!volunteers'], filter('team', '=|', 'a', ['a', 'b']), ['a', 'b', '!volunteers']],
    [['sanitation'], filter('team', '!=', 'municipal'), ['sanitation', '!municipal']],
    [['sanitation'], filter('point', '=', 'A1'), ['sanitation']],
  ])('%j and %j', (words, given, want) => {
    expect(withFilters(hazards(words), [given]).hazards?.team).toEqual(want);
  });

  it('says that a regular expression is no word', () => {
    expect(() => withFilters(hazards([]), [filter('team', '=~', 'a.*')])).toThrow(/team/);
  });
});

it('leaves anomalies of readings that have no severity', () => {
  const query: BelfryQuery = { refId: 'A', kind: 'anomalies', anomalies: { select: 'x' } };
  expect(withFilters(query, [filter('severity', '=', 'info')]).anomalies?.select).toBe('x{severity=~"info|"}');
});

it('narrows what anomalies are of by what series say themselves', () => {
  const query: BelfryQuery = { refId: 'A', kind: 'anomalies', anomalies: { select: 'x' } };
  const filters = [filter('asset', '=', 'B1'), filter('street', '=', 'jiefangbei')];
  expect(withFilters(query, filters).anomalies?.select).toBe('x{asset="B1"}');
});
