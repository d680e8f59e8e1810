/** Numbers for Prometheus, in its text format 0.0.4. */
import type { Metric } from '../gateway/views.ts';
import { type Route, route } from './route.ts';

const metricsType = 'text/plain; version=0.0.4; charset=utf-8';

export const metricsRoutes: readonly Route[] = [
  route({
    id: 'readMetrics',
    method: 'GET',
    path: '/metrics',
    access: 'operate',
    summary: 'Gives counters and gauges to a Prometheus scraper',
    answer: { status: 200, type: metricsType, description: 'the text format' },
    errors: [],
    handle: ({ gateway }) => metricsText(gateway.metrics()),
  }),
];

/** Metrics of one name stand together, under one HELP and TYPE, as the format demands. */
export function metricsText(metrics: readonly Metric[]): string {
  const lines: string[] = [];
  for (const [name, family] of Map.groupBy(metrics, (metric) => metric.name)) {
    const [first] = family;
    if (first === undefined) continue;
    lines.push(`# HELP ${name} ${first.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`);
    lines.push(`# TYPE ${name} ${first.type}`);
    for (const { labels = {}, value } of family) lines.push(`${name}${labelsText(labels)} ${value}`);
  }
  return `${lines.join('\n')}\n`;
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
