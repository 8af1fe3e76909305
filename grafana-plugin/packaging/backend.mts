import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { goManifest, type Plugin } from './sources.mts';

/** Where Grafana runs; all four without a C library. */
export const PLATFORMS = ['linux/amd64', 'linux/arm64', 'darwin/arm64', 'windows/amd64'];

// As the plugin SDK's own build has it: Arrow's JSON by the standard library.
const TAGS = 'arrow_json_stdlib';

export function binaryName(executable: string, platform: string): string {
  const [os, arch] = platform.split('/');
  return `${executable}_${os}_${arch}${os === 'windows' ? '.exe' : ''}`;
}

/** Builds the backend for each platform into a folder, and the list of its sources. */
export function buildBackend(root: string, dist: string, plugin: Plugin, platforms: string[]) {
  const buildInfo = JSON.stringify({ pluginID: plugin.id, version: plugin.info.version });
  const variable = 'github.com/grafana/grafana-plugin-sdk-go/build/buildinfo.buildInfoJSON';
  for (const platform of platforms) {
    const [GOOS, GOARCH] = platform.split('/');
    const out = path.join(dist, binaryName(plugin.executable, platform));
    go(root, { GOOS, GOARCH }, [
      'build',
      '-trimpath',
      '-tags',
      TAGS,
      '-ldflags',
      `-s -w -X '${variable}=${buildInfo}'`,
      '-o',
      out,
      './pkg',
    ]);
    fs.chmodSync(out, 0o755);
  }
  fs.writeFileSync(path.join(dist, 'go_plugin_build_manifest'), goManifest(root));
}

export interface GoModule {
  path: string;
  version: string;
  dir: string;
}

/** The modules that are in the binaries of some platforms. */
export function goModules(root: string, platforms: string[]): GoModule[] {
  const modules = new Map<string, GoModule>();
  for (const platform of platforms) {
    const [GOOS, GOARCH] = platform.split('/');
    const format = '{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}';
    for (const line of go(root, { GOOS, GOARCH }, ['list', '-deps', '-tags', TAGS, '-f', format, './pkg']).split(
      '\n'
    )) {
      const [name, version, dir] = line.split('\t');
      if (name && version && dir) {
        modules.set(name, { path: name, version, dir });
      }
    }
  }
  return [...modules.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

export function goRoot(root: string): { dir: string; version: string } {
  const [dir, version] = go(root, {}, ['env', 'GOROOT', 'GOVERSION']).split('\n');
  return { dir, version };
}

function go(root: string, env: Record<string, string>, args: string[]): string {
  return execFileSync(process.env.GO ?? 'go', args, {
    cwd: root,
    env: { ...process.env, CGO_ENABLED: '0', ...env },
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
