import { build, EMPTY, unbuild } from './builder';

describe('what the builder can say, it reads back', () => {
  it.each([
    'gas_ch4_lel_percent',
    'gas_ch4_lel_percent{asset=~"$asset",point!="A\\"1"}',
    '{asset="B1"}',
    'rate(x_total{asset="B1"}[$__rate_interval])',
    'sum(x)',
    'max by (asset, point) (max_over_time(x[5m]))',
    'x * on (asset) group_left (name, name_zh, street, district, team) asset_info',
    'avg by (street) (x * on (asset) group_left (name, name_zh, street, district, team) asset_info)',
  ])('%s', (expr) => {
    const built = unbuild(expr);
    expect(built).toBeDefined();
    expect(build(built ?? EMPTY)).toBe(expr);
  });
});

it('minds no spaces', () => {
  expect(build(unbuild('sum  by(asset)( rate( x [5m] ) )') ?? EMPTY)).toBe('sum by (asset) (rate(x[5m]))');
});

describe('what it cannot say stays code', () => {
  it.each([
    'x > 5',
    'x / y',
    'topk(5, x)',
    'sum without (a) (x)',
    'rate(x[5m] offset 1h)',
    'x{',
    'sum(sum(x))',
    'irate(x[5m])',
  ])('%s', (expr) => {
    expect(unbuild(expr)).toBeUndefined();
  });
});
