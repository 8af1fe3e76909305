import { CoreApp, dateTime, StreamingFrameAction, SupplementaryQueryType, type DataQueryRequest } from '@grafana/data';
import { firstValueFrom } from 'rxjs';
import { BelfryAnnotations } from './query/annotations';
import { ofKind } from './query/defaults';
import { BelfryVariables } from './query/variables';
import { sourceWith } from './test/source';
import { templates } from './test/templates';
import { type BelfryQuery, type BelfryVariableQuery } from './types';

const labels = { 'api/v1/labels': { data: ['__name__', 'asset', 'point'] } };

describe('queries', () => {
  it('go to the backend with variables replaced, filters applied, and a language', () => {
    const { source } = sourceWith({}, templates({ asset: { value: 'B1' } }), { language: 'zh-CN' });
    const query: BelfryQuery = { refId: 'A', kind: 'metrics', expr: 'x{asset="$asset"}' };
    const asked = source.applyTemplateVariables(query, {}, [{ key: 'point', operator: '=', value: 'A1' }]);
    expect(asked).toMatchObject({ expr: 'x{asset="B1",point="A1"}', lang: 'zh-CN' });
  });

  it.each([
    [{ kind: 'metrics', expr: ' ' }, false],
    [{ kind: 'metrics', expr: 'x' }, true],
    [{ expr: 'x' }, true],
    [{ kind: 'anomalies', anomalies: { select: '' } }, false],
    [{ kind: 'hazards' }, true],
  ] as const)('%j is asked: %s', (query, want) => {
    const { source } = sourceWith({});
    expect(source.filterQuery({ refId: 'A', ...query })).toBe(want);
  });

  it('of alert rules are instant', () => {
    const { source } = sourceWith({});
    expect(source.getDefaultQuery(CoreApp.UnifiedAlerting)).toMatchObject({ instant: true, range: false });
    expect(source.getDefaultQuery(CoreApp.PanelEditor)).toMatchObject({ instant: false, range: true });
  });

  it('keep what was asked of a kind when another is chosen in between', () => {
    const query: BelfryQuery = { refId: 'A', kind: 'metrics', expr: 'x' };
    const there = ofKind(query, 'hazards');
    expect(there.hazards).toMatchObject({ status: ['open'] });
    expect(ofKind(there, 'metrics')).toMatchObject({ kind: 'metrics', expr: 'x' });
  });
});

describe('ad-hoc filters', () => {
  it('have the keys of the catalog and of series', async () => {
    const { source } = sourceWith(labels);
    const keys = (await source.getTagKeys()).map((k) => k.value);
    expect(keys).toEqual(expect.arrayContaining(['asset', 'street', 'severity', 'point']));
    expect(keys).not.toContain('__name__');
  });

  it('have the values that the catalog knows', async () => {
    const { source, asked } = sourceWith({ 'api/v1/label/street/values': { data: ['jiefangbei'] } });
    expect(await source.getTagValues({ key: 'street', filters: [] })).toEqual([
      { text: 'jiefangbei', value: 'jiefangbei' },
    ]);
    expect(asked[0].params).toEqual({ 'match[]': ['asset_info'] });
  });

  it('have the values of the series that a panel shows', async () => {
    const { source, asked } = sourceWith({ 'api/v1/label/point/values': { data: ['A1'] } });
    await source.getTagValues({ key: 'point', filters: [], queries: [{ refId: 'A', expr: 'rate(x{a="b"}[5m])' }] });
    expect(asked[0].params).toEqual({ 'match[]': ['x{a="b"}'] });
  });
});

describe('variables', () => {
  const values = async (
    query: Partial<BelfryVariableQuery>,
    answers: Record<string, unknown>,
    language?: 'en' | 'zh-CN'
  ) => {
    const { source, asked } = sourceWith(answers, templates({ street: { value: ['a', 'b'], multi: true } }), {
      language,
    });
    const request = {
      targets: [{ refId: 'V', ...query }],
      scopedVars: {},
    } as unknown as DataQueryRequest<BelfryVariableQuery>;
    const answer = await firstValueFrom(new BelfryVariables(source).query(request));
    return { data: answer.data, asked };
  };

  it('are narrowed by other variables', async () => {
    const { data, asked } = await values(
      { of: 'teams', street: ['$street'], domain: ['!gas'] },
      {
        'api/v1/label/team/values': { data: ['', 'sanitation'] },
      }
    );
    expect(data).toEqual([{ text: 'Sanitation', value: 'sanitation' }]);
    expect(asked[0].params).toEqual({ 'match[]': ['asset_info{domain!~"gas",street=~"a|b"}'] });
  });

  it('of assets are chosen by name, in the language of whoever looks', async () => {
    const answer = {
      'api/belfry/v1/assets': { assets: [{ asset: 'W17', name: 'Well 17', name_zh: '17号井' }, { asset: 'W18' }] },
    };
    const { data } = await values({ of: 'assets' }, answer, 'zh-CN');
    expect(data).toEqual([
      { text: '17号井 (W17)', value: 'W17' },
      { text: 'W18', value: 'W18' },
    ]);
  });

  it('of assets keep what is chosen, also where the list is cut before it', async () => {
    const { source, asked } = sourceWith({ 'api/belfry/v1/assets': { assets: [{ asset: 'W1' }] } });
    const variable = { state: { value: ['W1', 'W90'] } };
    const ask = async (query: Partial<BelfryVariableQuery>) => {
      const request = {
        targets: [{ refId: 'V', of: 'assets', ...query }],
        scopedVars: { __sceneObject: { text: '', value: { valueOf: () => variable } } },
      } as unknown as DataQueryRequest<BelfryVariableQuery>;
      const { data } = await firstValueFrom(new BelfryVariables(source).query(request));
      return data.map(({ value }) => value);
    };
    expect(await ask({})).toEqual(['W1', 'W1', 'W90']);
    expect(asked[1].params).toMatchObject({ asset: ['W90'] });
    expect(await ask({ street: ['a'] })).not.toContain('W90');
  });

  it('may be the values of a label', async () => {
    const { data } = await values(
      { of: 'label_values', label: 'point' },
      { 'api/v1/label/point/values': { data: ['A1'] } }
    );
    expect(data).toEqual([{ text: 'A1', value: 'A1' }]);
  });
});

describe('what else Grafana asks', () => {
  it('marks hazards on panels', () => {
    const annotation = BelfryAnnotations.prepareAnnotation!({ name: 'Hazards', enable: true, iconColor: 'red' });
    expect(BelfryAnnotations.prepareQuery!(annotation)).toMatchObject({
      refId: 'Anno',
      kind: 'hazards',
      hazards: { show: 'annotations', severity: ['critical'] },
    });
  });

  it('counts events above the logs of Explore', () => {
    const { source } = sourceWith({});
    const events: BelfryQuery = { refId: 'A', kind: 'events', events: { kind: ['fire'] } };
    const volume = source.getSupplementaryQuery({ type: SupplementaryQueryType.LogsVolume }, events);
    expect(volume).toMatchObject({ refId: 'log-volume-A', events: { kind: ['fire'], show: 'volume' } });
    const range = { from: dateTime(0), to: dateTime(1), raw: { from: 'a', to: 'b' } };
    const request = {
      targets: [{ refId: 'B', kind: 'metrics', expr: 'x' }],
      range,
    } as unknown as DataQueryRequest<BelfryQuery>;
    expect(source.getSupplementaryRequest(SupplementaryQueryType.LogsVolume, request)).toBeUndefined();
  });

  it('replaces tables that are live, and adds readings to series', () => {
    const { source } = sourceWith({});
    const range = { from: dateTime(0), to: dateTime(60_000), raw: { from: 'a', to: 'b' } };
    const targets = [
      { refId: 'A', kind: 'hazards' },
      { refId: 'B', kind: 'metrics', expr: 'x' },
    ];
    const request = { targets, range, maxDataPoints: 100 } as unknown as DataQueryRequest<BelfryQuery>;
    const options = (refId: string) => source.streamOptionsProvider(request, { refId, fields: [], length: 0 });
    expect(options('A').action).toBe(StreamingFrameAction.Replace);
    expect(options('B')).toMatchObject({ action: StreamingFrameAction.Append, maxDelta: 60_000 });
  });

  it('asks for the same list once', async () => {
    const { source, asked } = sourceWith({ 'api/belfry/v1/metrics': { metrics: [{ name: 'x' }] } });
    await Promise.all([source.resources.metrics(), source.resources.metrics()]);
    expect(asked).toHaveLength(1);
  });

  it('asks again after an error', async () => {
    const answers: Record<string, unknown> = {};
    const { source } = sourceWith(answers);
    await expect(source.resources.detectors()).rejects.toThrow();
    answers['api/belfry/v1/detectors'] = { detectors: [{ name: 'gas' }] };
    expect(await source.resources.detectors()).toEqual([{ name: 'gas' }]);
  });
});
