// In: values, one at a time. Out: the last twenty as a small line chart, with a text alternative.

const SVG = "http://www.w3.org/2000/svg";
const MAX_VALUES = 20;
const [WIDTH, HEIGHT, EDGE] = [72, 22, 2.5];

export class Sparkline {
  values = [];
  element = document.createElementNS(SVG, "svg");
  #line = document.createElementNS(SVG, "polyline");
  #last = document.createElementNS(SVG, "circle");

  constructor() {
    this.element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute("class", "sparkline");
    this.element.setAttribute("role", "img");
    this.#last.setAttribute("r", EDGE);
    this.element.append(this.#line, this.#last);
    this.#draw();
  }

  add(value) {
    this.values = [...this.values, value].slice(-MAX_VALUES);
    this.#draw();
  }

  get median() {
    const sorted = [...this.values].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  /** Set the text alternative for screen readers. */
  describe(text) {
    this.element.setAttribute("aria-label", text);
  }

  #draw() {
    this.element.style.display = this.values.length > 1 ? "" : "none"; // one value makes no line
    const [low, high] = [Math.min(...this.values), Math.max(...this.values)];
    const step = (WIDTH - 2 * EDGE) / (MAX_VALUES - 1);
    const points = this.values.map((value, i) => {
      const up = high > low ? (value - low) / (high - low) : 0.5;
      return [EDGE + (MAX_VALUES - this.values.length + i) * step, HEIGHT - EDGE - up * (HEIGHT - 2 * EDGE)];
    });
    this.#line.setAttribute("points", points.map((point) => point.map((at) => at.toFixed(1)).join(",")).join(" "));
    const [x, y] = points.at(-1) ?? [0, 0];
    this.#last.setAttribute("cx", x.toFixed(1));
    this.#last.setAttribute("cy", y.toFixed(1));
  }
}
