/** What a stretch of work took of this process: time, CPU, memory. Linux only for memory and the engine's CPU. */
import { readFileSync, writeFileSync } from 'node:fs';

export interface ProcessUsage {
  wallMs: number;
  /** User and system time of this process: the compactor. */
  cpuMs: number;
  /** Of the Chroma servers that ended in between. */
  engineCpuMs: number;
  /**
   * Highest resident set of this process, in bytes, and not only what it grew by: Node.js, the compactor, what earlier
   * repetitions left, and the bench itself (interpreter, network model). Chroma is not in it.
   */
  peakBytes: number;
  /** Resident set at the start. */
  startBytes: number;
}

const TICK_MS = 10;

/** Begin to measure; the returned function ends it. */
export function measureProcess(): () => ProcessUsage {
  // What is left over from the preparation is not the compactor's. Needs --expose-gc.
  globalThis.gc?.();
  const reset = resetPeak();
  const startBytes = process.memoryUsage.rss();
  const cpu = process.cpuUsage();
  const engine = childrenCpuMs();
  const started = performance.now();
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return {
      wallMs: performance.now() - started,
      cpuMs: (user + system) / 1_000,
      engineCpuMs: childrenCpuMs() - engine,
      peakBytes: reset ? peakBytes() : process.resourceUsage().maxRSS * 1_024,
      startBytes,
    };
  };
}

/** proc(5): writing 5 resets `VmHWM`. */
function resetPeak(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
    return true;
  } catch {
    return false;
  }
}

function peakBytes(): number {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kib) * 1_024;
}

/** proc(5): fields 16 and 17 of `stat`, in ticks, of children that ended. */
function childrenCpuMs(): number {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[13]) + Number(fields[14])) * TICK_MS;
  } catch {
    return 0;
  }
}
