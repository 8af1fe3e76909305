import {
  CustomVariableSupport,
  type DataQueryRequest,
  type DataQueryResponse,
  type MetricFindValue,
} from '@grafana/data';
import { from, map, type Observable } from 'rxjs';
import { VariableEditor } from '../components/VariableEditor';
import type { BelfryDataSource } from '../datasource';
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
    return from(this.values(this.interpolate(target, request))).pipe(map((data) => ({ data })));
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

  /** The values of a variable, each with the text that people choose by. */
  async values(query: BelfryVariableQuery): Promise<MetricFindValue[]> {
    const { resources } = this.source;
    switch (query.of) {
      case 'districts':
      case 'streets':
      case 'teams':
      case 'domains':
        return plain(await resources.labelValues(CATALOG_FIELDS[query.of], catalogSelector(query)));
      case 'assets':
        return this.assets(query);
      case 'label_values':
        return query.label ? plain(await resources.labelValues(query.label, query.select || undefined)) : [];
      case 'metrics':
        return plain(await resources.labelValues('__name__', query.select || undefined));
      default:
        return [];
    }
  }

  private async assets({ q, domain, district, street, team }: BelfryVariableQuery): Promise<MetricFindValue[]> {
    const assets = await this.source.resources.assets({ q, domain, district, street, team, limit: MOST_ASSETS });
    const chinese = this.source.names() === 'zh-CN';
    return assets.map((a) => {
      const name = (chinese ? a.name_zh : a.name) || a.name || a.name_zh;
      return { text: name && name !== a.asset ? `${name} (${a.asset})` : a.asset, value: a.asset };
    });
  }
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
