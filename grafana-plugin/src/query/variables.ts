import {
  CustomVariableSupport,
  type DataQueryRequest,
  type DataQueryResponse,
  type MetricFindValue,
} from '@grafana/data';
import { from, map, type Observable } from 'rxjs';
import { VariableEditor } from '../components/VariableEditor';
import { wordOf } from '../components/words';
import type { BelfryDataSource } from '../datasource';
import { type AssetInfo } from '../resources';
import { interpolateExpr, interpolateFilter } from './interpolate';
import { literal, selectorText, type Matcher } from './promql';
import { type BelfryVariableQuery, type Filter } from '../types';

const CATALOG_FIELDS = { domains: 'domain', districts: 'district', streets: 'street', teams: 'team' } as const;

/** More assets than this nobody chooses from by a list. */
const MOST_ASSETS = 1000;

export class BelfryVariables extends CustomVariableSupport<BelfryDataSource, BelfryVariableQuery> {
  editor = VariableEditor;

  constructor(private source: BelfryDataSource) {
    super();
  }

  getDefaultQuery(): Partial<BelfryVariableQuery> {
    return { of: 'domains' };
  }

  query(request: DataQueryRequest<BelfryVariableQuery>): Observable<DataQueryResponse> {
    const [target] = request.targets;
    const kept = chosen(request);
    return from(this.values(this.interpolate(target, request), kept)).pipe(map((data) => ({ data })));
  }

  private interpolate(query: BelfryVariableQuery, { scopedVars }: DataQueryRequest): BelfryVariableQuery {
    const { templates } = this.source;
    const words = (filter?: Filter) => interpolateFilter(filter ?? [], templates, scopedVars);
    return {
      ...query,
      label: templates.replace(query.label ?? '', scopedVars),
      select: interpolateExpr(query.select ?? '', templates, scopedVars),
      q: templates.replace(query.q ?? '', scopedVars),
      domain: words(query.domain),
      district: words(query.district),
      street: words(query.street),
      team: words(query.team),
    };
  }

  /** The values of a variable, each with the text that people choose by. Kept are those that are chosen now. */
  async values(query: BelfryVariableQuery, kept: string[] = []): Promise<MetricFindValue[]> {
    const { resources } = this.source;
    switch (query.of) {
      case 'districts':
      case 'streets':
      case 'teams':
      case 'domains': {
        const field = CATALOG_FIELDS[query.of];
        const values = plain(await resources.labelValues(field, catalogSelector(query)));
        return values.map(({ value }) => ({ value, text: wordOf(field, String(value)) }));
      }
      case 'assets':
        return this.assets(query, kept);
      case 'label_values':
        return query.label ? plain(await resources.labelValues(query.label, query.select || undefined)) : [];
      case 'metrics':
        return plain(await resources.labelValues('__name__', query.select || undefined));
      default:
        return [];
    }
  }

  /**
   * The worst assets, and those that are chosen: Grafana chooses another one where the chosen is not among the values.
   */
  private async assets({ q, domain, district, street, team }: BelfryVariableQuery, kept: string[]) {
    const { resources } = this.source;
    const filters = { domain, district, street, team };
    const assets = await resources.assets({ q, ...filters, limit: MOST_ASSETS });
    const missing = kept.filter((id) => !assets.some(({ asset }) => asset === id));
    const found =
      missing.length > 0 ? await resources.assets({ ...filters, asset: missing, limit: missing.length }) : [];
    const values = [...assets, ...found].map((asset) => this.choice(asset));
    if (!Object.values(filters).some((words) => words?.length)) {
      // Belfry may have readings of one that it knows nothing else of.
      values.push(...plain(missing.filter((id) => !found.some(({ asset }) => asset === id))));
    }
    return values;
  }

  private choice({ asset, name, name_zh }: AssetInfo): MetricFindValue {
    const shown = (this.source.names() === 'zh-CN' ? name_zh : name) || name || name_zh;
    return { text: shown && shown !== asset ? `${shown} (${asset})` : asset, value: asset };
  }
}

/** What the variable has as its value while it asks for its values. */
function chosen({ scopedVars }: DataQueryRequest): string[] {
  const variable: { state?: { value?: unknown } } | undefined = scopedVars.__sceneObject?.value?.valueOf();
  return [variable?.state?.value]
    .flat()
    .filter((v): v is string => typeof v === 'string' && v !== '' && v !== '$__all');
}

function plain(values: string[]): MetricFindValue[] {
  return values.filter((value) => value !== '').map((value) => ({ text: value, value }));
}

/** What the catalog's own series are narrowed to by the filters of a variable. */
export function catalogSelector(query: BelfryVariableQuery): string {
  const matchers: Matcher[] = [];
  for (const name of ['domain', 'district', 'street', 'team'] as const) {
    const words = query[name] ?? [];
    const wanted = words.filter((word) => !word.startsWith('!'));
    const excluded = words.filter((word) => word.startsWith('!')).map((word) => word.slice(1));
    if (wanted.length > 0) {
      matchers.push({ name, op: '=~', value: wanted.map(literal).join('|') });
    }
    if (excluded.length > 0) {
      matchers.push({ name, op: '!~', value: excluded.map(literal).join('|') });
    }
  }
  return selectorText('asset_info', matchers);
}
