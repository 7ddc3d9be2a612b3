// In: peaks, and the played fraction (0 to 1). Out: a small waveform on a canvas, in the colors of the large one.

const PITCH = 4; // CSS px from bar to bar
const BAR = 2;

export function drawPeaks(canvas, peaks, played) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width || !height) return;
  const scale = devicePixelRatio;
  Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  const style = getComputedStyle(canvas);
  const count = Math.floor(width / PITCH);
  for (let bar = 0; bar < count; bar++) {
    const [from, to] = [bar, bar + 1].map((edge) => Math.floor((edge * peaks.length) / count));
    const barHeight = Math.max(2, height * Math.min(1, Math.max(0, ...peaks.slice(from, to + 1))) ** 0.7);
    const color = !peaks.length ? "wave-pending" : (bar + 1) / count <= played ? "wave-played" : "wave-buffered";
    context.fillStyle = style.getPropertyValue(`--${color}`);
    context.fillRect(bar * PITCH, (height - barHeight) / 2, BAR, barHeight);
  }
}
