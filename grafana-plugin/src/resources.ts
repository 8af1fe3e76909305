import { type DataSourceWithBackend } from '@grafana/runtime';
import { type Filter } from './types';

export interface MetricInfo {
  name: string;
  unit?: string;
  grafana_unit?: string;
  help?: string;
  help_zh?: string;
  domain?: string;
  series?: number;
}

export interface AssetInfo {
  asset: string;
  name?: string;
  name_zh?: string;
  domain?: string;
  district?: string;
  street?: string;
  team?: string;
  state?: string;
}

export interface AssetSearch {
  q?: string;
  domain?: Filter;
  district?: Filter;
  street?: Filter;
  team?: Filter;
  asset?: Filter;
  limit?: number;
}

export interface DetectorInfo {
  name: string;
  select?: string[];
  series?: number;
}

type Source = Pick<DataSourceWithBackend, 'getResource'>;

/** Lists such as those of metrics are asked for once in this time, in milliseconds. */
const KEEP = 60_000;

/**
 * What editors and variables ask of Belfry, by the backend of the plugin: the
 * paths are Belfry's own.
 */
export class Resources {
  private kept = new Map<string, { at: number; answer: Promise<unknown> }>();

  constructor(private source: Source) {}

  /** All metrics, with unit and explanation. */
  async metrics(): Promise<MetricInfo[]> {
    const { metrics } = await this.once<{ metrics?: MetricInfo[] }>('api/belfry/v1/metrics');
    return metrics ?? [];
  }

  /** Assets by id, name, Chinese name or its pinyin initials. */
  async assets({ q, limit = 50, ...filters }: AssetSearch): Promise<AssetInfo[]> {
    const params: Record<string, unknown> = { limit };
    if (q) {
      params.q = q;
    }
    for (const [name, words] of Object.entries(filters)) {
      const wanted = words?.filter((word) => !word.startsWith('!'));
      if (wanted && wanted.length > 0) {
        params[name] = wanted;
      }
    }
    const { assets } = await this.once<{ assets?: AssetInfo[] }>('api/belfry/v1/assets', params);
    return assets ?? [];
  }

  async detectors(): Promise<DetectorInfo[]> {
    const { detectors } = await this.once<{ detectors?: DetectorInfo[] }>('api/belfry/v1/detectors');
    return detectors ?? [];
  }

  async labels(select?: string): Promise<string[]> {
    return this.prometheus('api/v1/labels', select);
  }

  async labelValues(label: string, select?: string): Promise<string[]> {
    return this.prometheus(`api/v1/label/${encodeURIComponent(label)}/values`, select);
  }

  private async prometheus(path: string, select?: string): Promise<string[]> {
    const { data } = await this.once<{ data?: string[] }>(path, select ? { 'match[]': [select] } : {});
    return data ?? [];
  }

  private once<T>(path: string, params: Record<string, unknown> = {}): Promise<T> {
    const key = path + JSON.stringify(params);
    const now = Date.now();
    const kept = this.kept.get(key);
    if (kept && now - kept.at < KEEP) {
      // The key says which path the answer is of, and so which type it has.
      return kept.answer as Promise<T>;
    }
    for (const [other, { at }] of this.kept) {
      if (now - at >= KEEP) {
        this.kept.delete(other);
      }
    }
    const answer = this.source.getResource<T>(path, params, { showErrorAlert: false });
    this.kept.set(key, { at: now, answer });
    answer.catch(() => this.kept.delete(key));
    return answer;
  }
}
