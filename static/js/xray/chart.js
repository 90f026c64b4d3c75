/* <xray-chart>: one small chart over the last two minutes, drawn by uPlot.

   Properties: series = {times, values, limit, marks}: seconds, numbers in the chart's unit, a limit or
   null, and the times at which something was stopped or killed. Colours come from the page's tokens. */

import uPlot from "../../vendor/uplot/dist/uPlot.esm.js";

const SPAN = 120;
const HEIGHT = 74;

function token(element, name) {
  return getComputedStyle(element).getPropertyValue(name).trim();
}

class XrayChart extends HTMLElement {
  connectedCallback() {
    this.watcher = new ResizeObserver(() => this.plot?.setSize({ width: this.clientWidth, height: HEIGHT }));
    this.watcher.observe(this);
    this.draw();
  }

  disconnectedCallback() {
    this.watcher.disconnect();
    this.plot?.destroy();
    this.plot = null;
  }

  set series(series) {
    this.data = series;
    if (this.isConnected) this.draw();
  }

  draw() {
    if (!this.data || !this.clientWidth) return;
    this.plot ??= new uPlot(this.options(), [[], []], this);
    this.plot.setData([this.data.times, this.data.values]);
  }

  options() {
    return {
      width: this.clientWidth, height: HEIGHT, legend: { show: false }, cursor: { show: false }, padding: [6, 4, 0, 4],
      scales: {
        x: { range: () => { const end = this.data.times.at(-1) ?? SPAN; return [end - SPAN, end]; } },
        y: { range: () => [0, this.top()] },
      },
      axes: [{ show: false }, { show: false }],
      series: [{}, { stroke: () => token(this, "--accent"), fill: () => token(this, "--accent-soft"), width: 1.5, points: { show: false } }],
      hooks: { draw: [(plot) => this.drawMarks(plot)] },
    };
  }

  /** The limit is in view when there is one: how far away it is, is the point. */
  top() {
    const most = Math.max(0, ...this.data.values.filter((value) => value !== null));
    return Math.max(this.data.limit ? this.data.limit * 1.08 : 0, most * 1.1, this.data.least ?? 1e-9);
  }

  drawMarks(plot) {
    const { left, top, width, height } = plot.bbox;
    const context = plot.ctx;
    context.save();
    if (this.data.limit) line(context, token(this, "--bad"), left, plot.valToPos(this.data.limit, "y", true), width, 0, [4, 4]);
    for (const time of this.data.marks ?? []) line(context, token(this, "--bad"), plot.valToPos(time, "x", true), top, 0, height / 5, []);
    context.restore();
  }
}

function line(context, colour, x, y, dx, dy, dashes) {
  context.strokeStyle = colour;
  context.lineWidth = devicePixelRatio * 1.5;
  context.setLineDash(dashes);
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + dx, y + dy);
  context.stroke();
}

customElements.define("xray-chart", XrayChart);
