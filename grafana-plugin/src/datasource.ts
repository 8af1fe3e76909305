import {
  type AdHocVariableFilter,
  CoreApp,
  type DataSourceGetTagKeysOptions,
  type DataSourceGetTagValuesOptions,
  type DataSourceInstanceSettings,
  type DataSourceWithSupplementaryQueriesSupport,
  type DataQueryRequest,
  type DataQueryResponse,
  type MetricFindValue,
  type ScopedVars,
  type SupplementaryQueryOptions,
  SupplementaryQueryType,
} from '@grafana/data';
import { DataSourceWithBackend, getGrafanaLiveSrv, getTemplateSrv, type TemplateSrv } from '@grafana/runtime';
import { type Observable } from 'rxjs';
import { fieldLabel, wordOf } from './components/words';
import { BelfryAnnotations } from './query/annotations';
import { withFilters } from './query/adhoc';
import { defaultQuery } from './query/defaults';
import { interpolate } from './query/interpolate';
import { userLanguage } from './query/language';
import { withNotices } from './query/notices';
import { CATALOG_LABELS, isComplete, selectorsOf } from './query/promql';
import { streaming } from './query/streaming';
import { logsVolume, logsVolumeRequest } from './query/supplementary';
import { BelfryVariables } from './query/variables';
import { Resources } from './resources';
import { type BelfryOptions, type BelfryQuery } from './types';

export class BelfryDataSource
  extends DataSourceWithBackend<BelfryQuery, BelfryOptions>
  implements DataSourceWithSupplementaryQueriesSupport<BelfryQuery>
{
  readonly resources: Resources;
  private readonly language: BelfryOptions['language'];

  constructor(
    settings: DataSourceInstanceSettings<BelfryOptions>,
    readonly templates: TemplateSrv = getTemplateSrv()
  ) {
    super(settings);
    this.language = settings.jsonData.language;
    this.resources = new Resources(this);
    this.variables = new BelfryVariables(this);
    this.annotations = BelfryAnnotations;
    this.streamOptionsProvider = streaming;
  }

  getDefaultQuery(app: CoreApp): Partial<BelfryQuery> {
    return defaultQuery(app);
  }

  applyTemplateVariables(query: BelfryQuery, scopedVars: ScopedVars, filters?: AdHocVariableFilter[]): BelfryQuery {
    return { lang: this.names(), ...withFilters(interpolate(query, this.templates, scopedVars), filters) };
  }

  query(request: DataQueryRequest<BelfryQuery>): Observable<DataQueryResponse> {
    const explore = request.app === CoreApp.Explore;
    const targets = explore ? request.targets.map((target) => ({ ...target, explore })) : request.targets;
    return withNotices(super.query({ ...request, targets }), getGrafanaLiveSrv());
  }

  /** What is not finished is not asked. */
  filterQuery(query: BelfryQuery): boolean {
    switch (query.kind ?? 'metrics') {
      case 'metrics':
        return Boolean(query.expr?.trim());
      case 'anomalies':
        return Boolean(query.anomalies?.select?.trim());
      default:
        return true;
    }
  }

  /** The language of names, en or zh-CN: that of the settings, or that of whoever looks. */
  names(): string {
    return this.language === 'en' || this.language === 'zh-CN' ? this.language : userLanguage();
  }

  async getTagKeys(options?: DataSourceGetTagKeysOptions<BelfryQuery>): Promise<MetricFindValue[]> {
    const known = ['asset', 'domain', 'district', 'street', 'team', 'severity', 'state', 'status', 'rule'];
    const labels = await this.resources.labels(selectOf(options?.queries));
    const keys = [...known, ...labels.filter((label) => label !== '__name__' && !known.includes(label))];
    return keys.map((key) => ({ text: fieldLabel(key), value: key }));
  }

  async getTagValues(options: DataSourceGetTagValuesOptions<BelfryQuery>): Promise<MetricFindValue[]> {
    const fixed: Record<string, string[]> = {
      severity: ['critical', 'warning', 'info'],
      state: ['critical', 'warning', 'info', 'ok'],
      status: ['open', 'resolved'],
    };
    const { key } = options;
    const select = CATALOG_LABELS.includes(key) ? 'asset_info' : selectOf(options.queries);
    const values = fixed[key] ?? (await this.resources.labelValues(key === 'rule' ? 'alertname' : key, select));
    return values.map((value) => ({ text: wordOf(key, value), value }));
  }

  getSupportedSupplementaryQueryTypes(): SupplementaryQueryType[] {
    return [SupplementaryQueryType.LogsVolume];
  }

  getSupplementaryQuery(options: SupplementaryQueryOptions, query: BelfryQuery): BelfryQuery | undefined {
    return logsVolume(options.type, query);
  }

  getSupplementaryRequest(
    type: SupplementaryQueryType,
    request: DataQueryRequest<BelfryQuery>
  ): DataQueryRequest<BelfryQuery> | undefined {
    return logsVolumeRequest(type, request);
  }
}

/** A selector for the labels of what queries are about; nothing where there are several, or none. */
function selectOf(queries: BelfryQuery[] = []): string | undefined {
  const selectors = new Set(
    queries.flatMap((q) => (q.expr && isComplete(q.expr) && !q.expr.includes('$') ? selectorsOf(q.expr) : []))
  );
  return selectors.size === 1 ? [...selectors][0] : undefined;
}
