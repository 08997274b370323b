/** Paths for SVG. Runs on the server and in the browser. */

export interface Point {
  x: number;
  y: number;
}

const RADIUS = 10;

/** The `d` of a line through points, with rounded corners. */
export function roundedPath(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (first === undefined) return '';
  const parts = [`M${first.x},${first.y}`];
  for (const [index, corner] of rest.entries()) {
    const before = points[index] ?? first;
    const after = rest[index + 1];
    if (after === undefined) parts.push(`L${corner.x},${corner.y}`);
    else {
      const [a, b] = [towards(corner, before), towards(corner, after)];
      parts.push(`L${a.x},${a.y}`, `Q${corner.x},${corner.y} ${b.x},${b.y}`);
    }
  }
  return parts.join(' ');
}

/** The outline of a state: a diamond for a choice, rounded for an end, a box for everything else. */
export function outline(node: { type: string; x: number; y: number; width: number; height: number }): string {
  const { type, x, y, width, height } = node;
  const [left, right, top, bottom] = [x - width / 2, x + width / 2, y - height / 2, y + height / 2];
  if (type === 'Choice') {
    const cut = 14;
    return `M${left},${y} L${left + cut},${top} L${right - cut},${top} L${right},${y} L${right - cut},${bottom} L${left + cut},${bottom} Z`;
  }
  const r = type === 'Succeed' || type === 'Fail' || type === 'Wait' ? height / 2 : 7;
  return (
    `M${left + r},${top} H${right - r} A${r},${r} 0 0 1 ${right},${top + r} V${bottom - r} A${r},${r} 0 0 1 ${right - r},${bottom} ` +
    `H${left + r} A${r},${r} 0 0 1 ${left},${bottom - r} V${top + r} A${r},${r} 0 0 1 ${left + r},${top} Z`
  );
}

function towards(from: Point, to: Point): Point {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy);
  const share = length === 0 ? 0 : Math.min(RADIUS, length / 2) / length;
  return { x: Math.round((from.x + dx * share) * 10) / 10, y: Math.round((from.y + dy * share) * 10) / 10 };
}
