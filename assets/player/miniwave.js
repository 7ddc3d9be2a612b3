// In: peaks, and how much of them was heard (0 to 1). Out: a small waveform on a canvas, in the colours of the large one.

const PITCH = 4; // CSS px from bar to bar
const BAR = 2;

export function drawPeaks(canvas, peaks, heard) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width || !height) return;
  const scale = devicePixelRatio;
  Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const style = getComputedStyle(canvas);
  const count = Math.floor(width / PITCH);
  for (let bar = 0; bar < count; bar++) {
    const part = peaks.slice(Math.floor((bar * peaks.length) / count), Math.floor(((bar + 1) * peaks.length) / count) + 1);
    const tall = Math.max(2, height * Math.min(1, Math.max(0, ...part)) ** 0.7);
    const tone = !peaks.length ? "wave-rest" : (bar + 1) / count <= heard ? "wave-heard" : "wave-made";
    pen.fillStyle = style.getPropertyValue(`--${tone}`);
    pen.fillRect(bar * PITCH, (height - tall) / 2, BAR, tall);
  }
}
